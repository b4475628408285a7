"""What patients have said about who may see their data: Consents as rules, and as a condition on a row.

https://hl7.org/fhir/R4/consent.html: a provision has exceptions, and those have exceptions; the innermost that applies
decides, and between two Consents the one that denies. A rule the server cannot apply to the letter is applied where it
denies, and not where it permits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from fhir_server.model.resource_types import NUMBERS, type_number
from fhir_server.search.entries import Entries
from fhir_server.search.predicate import Scope
from fhir_server.search.types.date import EARLIEST, LATEST, span
from fhir_server.search.types.reference import local_reference

CONSENT: Final = "Consent"
ACTIVE: Final = "active"
PRIVACY: Final = "patient-privacy"
RESOURCE_TYPES_SYSTEM: Final = "http://hl7.org/fhir/resource-types"
SEEING: Final = frozenset({"access", "disclose", "use"})
"""Actions that are about seeing data. https://hl7.org/fhir/R4/valueset-consent-action.html."""

NOT_APPLIED: Final = ("code", "data", "dataPeriod")
"""Elements of a provision that narrow it to resources by what is in them."""

SENSITIVE: Final = (
    "http://terminology.hl7.org/CodeSystem/v3-ActCode|42CFRPart2",  # treatment of substance use disorders
    "http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R",
    "http://terminology.hl7.org/CodeSystem/v3-Confidentiality|V",
)
"""Security labels of what nobody but the patient sees unless a Consent permits it."""

DEPTH_MAX: Final = 10
"""Provisions within provisions that are looked at; a Consent that goes deeper denies from there (levels)."""


class ConsentRule(NamedTuple):
    """A provision of a patient (`Patient/1`). None for actors, purposes, types and labels is any; `types` are numbers.

    The span is half-open; `depth` is how far inside the provision stands.
    """

    patient: str
    permits: bool
    depth: int
    actors: tuple[str, ...] | None
    purposes: tuple[str, ...] | None
    types: tuple[int, ...] | None
    labels: tuple[str, ...] | None
    low: datetime
    high: datetime


def rules_of(consent: dict[str, Any], base_url: str) -> tuple[ConsentRule, ...]:
    """The rules of an active Consent on privacy; none of any other."""
    patient = local_reference(str(_at(consent, "patient", "reference")), base_url)
    scopes = {coding.get("code") for coding in _list(_at(consent, "scope", "coding"))}
    provision = consent.get("provision")
    if consent.get("status") != ACTIVE or PRIVACY not in scopes or not patient or not isinstance(provision, dict):
        return ()
    return tuple(_rules(provision, patient, base_url, 0))


def _rules(provision: dict[str, Any], patient: str, base_url: str, depth: int) -> Iterator[ConsentRule]:
    permits = provision.get("type", "permit" if depth == 0 else "") == "permit" and depth < DEPTH_MAX
    actions = {coding.get("code") for one in _list(provision.get("action")) for coding in _list(one.get("coding"))}
    narrowed = any(name in provision for name in NOT_APPLIED)
    if (not actions or actions & SEEING) and not (permits and narrowed):
        low, high = _period(provision.get("period"))
        yield ConsentRule(
            patient,
            permits,
            depth,
            _actors(provision, base_url),
            _some(coding.get("code") for coding in _list(provision.get("purpose"))),
            _types(provision),
            _some(f"{one.get('system', '')}|{one.get('code', '')}" for one in _list(provision.get("securityLabel"))),
            low,
            high,
        )
    for inner in _list(provision.get("provision")) if depth < DEPTH_MAX else ():
        yield from _rules(inner, patient, base_url, depth + 1)


def _actors(provision: dict[str, Any], base_url: str) -> tuple[str, ...] | None:
    """References as `Type/id`; others as they stand, whom nobody here is."""
    texts = [str(_at(actor, "reference", "reference")) for actor in _list(provision.get("actor"))]
    return _some(local_reference(text, base_url) or text for text in texts)


def _types(provision: dict[str, Any]) -> tuple[int, ...] | None:
    classes = [one for one in _list(provision.get("class")) if one.get("system") == RESOURCE_TYPES_SYSTEM]
    found = tuple(NUMBERS[one["code"]] for one in classes if one.get("code") in NUMBERS)
    return found or None


def _period(period: Any) -> tuple[datetime, datetime]:
    start, end = (span(str(_at(period, name))) for name in ("start", "end"))
    return start[0] if start else EARLIEST, end[1] if end else LATEST


def _some(texts: Iterator[Any]) -> tuple[str, ...] | None:
    return tuple(str(text) for text in texts) or None


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True, slots=True)
class Consented:
    """The Consents of all patients a resource is about let one of `actors` see it for a purpose.

    Consents themselves are not hidden by what they say: who keeps to them has to know them.
    """

    actors: tuple[str, ...]
    purpose: str

    def matches(self, _: Entries) -> bool:
        """Other resources decide, so this one cannot rule it out: storage/consents.py asks for them."""
        return True

    def condition(self, scope: Scope) -> str:
        denied, excepted, permitted = scope.fresh("c"), scope.fresh("c"), scope.fresh("c")
        labels, sensitive = f"{scope.alias}.labels", scope.value(list(SENSITIVE))
        exception = (
            f"SELECT FROM consent_rule {excepted} WHERE {excepted}.rid = {denied}.rid AND {excepted}.permits"
            f" AND {excepted}.depth > {denied}.depth AND {self._applies(excepted, scope)}"
        )
        denial = (
            f"SELECT FROM consent_rule {denied} WHERE NOT {denied}.permits AND {self._applies(denied, scope)}"
            f" AND NOT EXISTS ({exception})"
        )
        permission = (
            f"SELECT FROM consent_rule {permitted} WHERE {permitted}.permits AND {permitted}.labels && {labels}"
            f" AND {self._applies(permitted, scope)}"
        )
        sensible = f"(NOT {labels} && {sensitive}::text[] OR EXISTS ({permission}))"
        return f"({scope.alias}.type = {type_number(CONSENT)} OR NOT EXISTS ({denial}) AND {sensible})"

    def rids(self, _: Scope) -> str | None:
        return None

    def _applies(self, rule: str, scope: Scope) -> str:
        """A rule is about the row, this caller, this purpose and now."""
        row = scope.alias
        return (
            f"{rule}.patient = ANY({row}.compartments)"
            f" AND ({rule}.actors IS NULL OR {rule}.actors && {scope.value(list(self.actors))}::text[])"
            f" AND ({rule}.purposes IS NULL OR {scope.value(self.purpose)} = ANY({rule}.purposes))"
            f" AND ({rule}.types IS NULL OR {row}.type = ANY({rule}.types))"
            f" AND ({rule}.labels IS NULL OR {rule}.labels && {row}.labels)"
            f" AND now() >= {rule}.low AND now() < {rule}.high"
        )
