"""EHR launches: an id that the EHR hands to an app, and what it stands for. Used once, by one app, for one user.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from psycopg.types.json import Jsonb

from fhir_server.errors import Invalid
from fhir_server.identity import sweeping
from fhir_server.identity.opaque import digest, fresh
from fhir_server.identity.transactions import Transaction

ADD: Final = """
INSERT INTO launch (hash, client_id, actor, context, expires)
VALUES (%(hash)s, %(client_id)s, %(actor)s, %(context)s, clock_timestamp() + make_interval(secs => %(seconds)s))
"""
USE: Final = """
UPDATE launch SET used = clock_timestamp()
WHERE hash = %(hash)s AND client_id = %(client_id)s AND used IS NULL AND expires > clock_timestamp()
RETURNING actor, context
"""

CONTEXT_NAMES: Final = frozenset({"patient", "encounter", "fhirContext", "need_patient_banner", "intent", "tenant"})

_ROLE = re.compile(r"launch\Z|[a-z][a-z0-9+.\-]*:\S+\Z")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}\Z")


class Launch(NamedTuple):
    """`actor` is whom it is for, a FHIR reference; `context` what the app is told with its token."""

    actor: str
    context: dict[str, Any]


def add(transaction: Transaction, client_id: str, launch: Launch, seconds: int) -> str:
    """The launch id, which nobody will see again; raises `Invalid` for a context SMART does not have."""
    launch_id = fresh()
    values = {
        "hash": digest(launch_id),
        "client_id": client_id,
        "actor": _reference(launch.actor),
        "context": Jsonb(checked(launch.context)),
        "seconds": seconds,
    }
    sweeping.launches(transaction)
    transaction.execute(ADD, values)
    return launch_id


def use(transaction: Transaction, client_id: str, launch_id: str) -> Launch | None:
    """What the id stands for; None where it is another app's, was used, or is too old."""
    row = transaction.execute(USE, {"hash": digest(launch_id), "client_id": client_id}).fetchone()
    return Launch(row["actor"], row["context"]) if row else None


def parsed(text: str) -> dict[str, Any]:
    """A launch context written as JSON; raises `Invalid`."""
    try:
        context = msgspec.json.decode(text.encode(), type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Invalid("The context of a launch is a JSON object") from error
    return checked(context)


def checked(context: Mapping[str, Any]) -> dict[str, Any]:
    """https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token."""
    if unknown := sorted(set(context) - CONTEXT_NAMES):
        raise Invalid(f"A launch context has no {', '.join(unknown)}")
    for name in ("patient", "encounter"):
        if name in context and not (isinstance(context[name], str) and _ID.match(context[name])):
            raise Invalid(f"{name} is the id of a resource")
    for name in ("intent", "tenant"):
        if name in context and not isinstance(context[name], str):
            raise Invalid(f"{name} is a text")
    if not isinstance(context.get("need_patient_banner", True), bool):
        raise Invalid("need_patient_banner is true or false")
    _check_fhir_context(context.get("fhirContext", []))
    return dict(context)


def _check_fhir_context(entries: Any) -> None:
    """Each entry names a resource; a Patient or Encounter only in a role of its own."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Invalid("fhirContext is a list of objects")
    for entry in entries:
        if not entry.keys() & {"reference", "canonical", "identifier"}:
            raise Invalid("An entry of fhirContext has a reference, a canonical or an identifier")
        type_name = str(entry.get("reference", "")).partition("/")[0]
        if type_name in ("Patient", "Encounter") and entry.get("role", "launch") == "launch":
            raise Invalid(f"A {type_name} belongs beside fhirContext, unless it has a role")
        if not _ROLE.match(str(entry.get("role", "launch"))):
            raise Invalid("The role of an entry of fhirContext is launch, or an absolute URI")


def _reference(actor: str) -> str:
    if not _REFERENCE.match(actor):
        raise Invalid("The user of a launch is a reference such as Practitioner/1")
    return actor
