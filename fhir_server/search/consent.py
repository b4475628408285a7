"""What patients have said about who may see their data: Consents as rules, and as a condition on a row.

https://hl7.org/fhir/R4/consent.html: a provision has exceptions, and those have exceptions; the innermost that applies
decides, and between two Consents the one that denies. A rule the server cannot apply to the letter is applied where it
denies, and not where it permits.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from fhir_server.model.resource_types import NUMBERS, type_number
from fhir_server.search.entries import Entries
from fhir_server.search.predicate import Scope
from fhir_server.search.types.date import EARLIEST, LATEST, span
from fhir_server.search.types.reference import local_reference

Value = TypeVar("Value", str, int)

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
    "|42CFRPart2",
    "|R",
    "|V",
)
"""Security labels of what nobody but the patient sees unless a Consent permits it."""

DEPTH_MAX: Final = 10
"""Provisions within provisions that are looked at; a Consent that goes deeper denies from there (levels)."""


class ConsentRule(NamedTuple):
    """A provision of a patient (`Patient/1`), what those around it ask included.

    None for actors, purposes, types and labels is any; `types` are numbers. The span is half-open. `path` has the
    places of the provision and of those around it, outermost first: an exception's begins with that of what it is from.
    """

    patient: str
    permits: bool
    path: tuple[int, ...]
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
    everything = ConsentRule(patient, True, (), None, None, None, None, EARLIEST, LATEST)
    return tuple(_rules(provision, everything, base_url, ()))


def _rules(
    provision: dict[str, Any], around: ConsentRule, base_url: str, path: tuple[int, ...]
) -> Iterator[ConsentRule]:
    permits = provision.get("type", "permit" if not path else "") == "permit" and len(path) < DEPTH_MAX
    rule = _rule(provision, around, base_url, permits=permits)._replace(path=path)
    actions = {coding.get("code") for one in _list(provision.get("action")) for coding in _list(one.get("coding"))}
    narrowed = any(name in provision for name in NOT_APPLIED)
    if (not actions or actions & SEEING) and not (permits and narrowed) and _can_apply(rule):
        yield rule
    for place, inner in enumerate(_list(provision.get("provision")) if len(path) < DEPTH_MAX else ()):
        yield from _rules(inner, rule, base_url, (*path, place))


def _rule(provision: dict[str, Any], around: ConsentRule, base_url: str, *, permits: bool) -> ConsentRule:
    """What a provision says, within what those around it say."""
    low, high = _period(provision.get("period"))
    labels = _understood(map(_label, _list(provision.get("securityLabel"))), permits=permits)
    if permits or labels is None:  # a resource has several: of a denial only its own are asked, which denies more
        labels = _both(labels, around.labels)
    return ConsentRule(
        around.patient,
        permits,
        (),
        _both(_understood(_actors(provision, base_url), permits=permits), around.actors),
        _both(_understood(map(_code, _list(provision.get("purpose"))), permits=permits), around.purposes),
        _both(_understood(map(_type, _list(provision.get("class"))), permits=permits), around.types),
        labels,
        max(low, around.low),
        min(high, around.high),
    )


def _can_apply(rule: ConsentRule) -> bool:
    """Whether there is an actor, purpose, type, label and time it could be about."""
    return () not in (rule.actors, rule.purposes, rule.types, rule.labels) and rule.low < rule.high


def _understood(values: Iterable[Value | None], *, permits: bool) -> tuple[Value, ...] | None:
    """None where nothing is said, or a denial says what is not understood: it denies all it could deny."""
    said = tuple(values)
    known = tuple(value for value in said if value is not None)
    if not said or (len(known) < len(said) and not permits):
        return None
    return known


def _both(one: tuple[Value, ...] | None, other: tuple[Value, ...] | None) -> tuple[Value, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    return tuple(value for value in one if value in other)


def _actors(provision: dict[str, Any], base_url: str) -> Iterator[str | None]:
    """References as `Type/id`; None for whom nothing but an identifier, a name or a role tells of."""
    for actor in _list(provision.get("actor")):
        text = _at(actor, "reference", "reference")
        yield (local_reference(text, base_url) or text) if isinstance(text, str) else None


def _label(coding: dict[str, Any]) -> str | None:
    system, code = coding.get("system"), coding.get("code")
    return f"{system}|{code}" if system and code else None


def _code(coding: dict[str, Any]) -> str | None:
    return str(coding["code"]) if coding.get("code") else None


def _type(coding: dict[str, Any]) -> int | None:
    return NUMBERS.get(str(coding.get("code"))) if coding.get("system") == RESOURCE_TYPES_SYSTEM else None


def _period(period: Any) -> tuple[datetime, datetime]:
    start, end = (span(str(_at(period, name))) for name in ("start", "end"))
    return start[0] if start else EARLIEST, end[1] if end else LATEST


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True, slots=True)
class Consented:
    """The Consents of all patients a resource is about let one of `actors` see it for a purpose.

    Consents themselves are not hidden by what they say: who keeps to them has to know them. What is in compartments of
    `own` alone is not asked of.
    """

    actors: tuple[str, ...]
    purpose: str
    own: tuple[str, ...] = ()

    def matches(self, _: Entries) -> bool:
        """Other resources decide, so this one cannot rule it out: storage/consents.py asks for them."""
        return True

    def exempts(self, compartments: Sequence[str]) -> bool:
        """Whether all of it is the caller's own."""
        return bool(compartments) and set(compartments) <= set(self.own)

    def condition(self, scope: Scope) -> str:
        row = scope.alias
        own = f"({row}.compartments <> '{{}}' AND {row}.compartments <@ {scope.value(list(self.own))}::text[])"
        own = f" OR {own}" if self.own else ""
        heeded = f"NOT EXISTS ({self._denial(scope)}) AND NOT ({self._sensitive(scope)})"
        return f"({row}.type = {type_number(CONSENT)}{own} OR {heeded})"

    def rids(self, _: Scope) -> str | None:
        return None

    def _denial(self, scope: Scope) -> str:
        """A rule that denies, and has no exception that permits."""
        denied, excepted = scope.fresh("c"), scope.fresh("c")
        depth = f"cardinality({denied}.path)"
        exception = (
            f"SELECT FROM consent_rule {excepted} WHERE {excepted}.rid = {denied}.rid AND {excepted}.permits"
            f" AND cardinality({excepted}.path) > {depth} AND {excepted}.path[1:{depth}] = {denied}.path"
            f" AND {self._applies(excepted, scope)}"
        )
        return (
            f"SELECT FROM consent_rule {denied} WHERE NOT {denied}.permits AND {self._applies(denied, scope)}"
            f" AND NOT EXISTS ({exception})"
        )

    def _sensitive(self, scope: Scope) -> str:
        """It has a sensitive label that one of its patients permits nobody like this caller to see."""
        permitted, row, sensitive = scope.fresh("c"), scope.alias, scope.value(list(SENSITIVE))
        permission = (
            f"SELECT FROM consent_rule {permitted} WHERE {permitted}.permits AND {permitted}.patient = o.owner"
            f" AND l.label = ANY({permitted}.labels) AND {self._applies(permitted, scope)}"
        )
        return (
            f"{row}.labels && {sensitive}::text[] AND ({row}.compartments = '{{}}' OR EXISTS (SELECT"
            f" FROM unnest({row}.labels) l (label), unnest({row}.compartments) o (owner)"
            f" WHERE l.label = ANY({sensitive}::text[]) AND NOT EXISTS ({permission})))"
        )

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
