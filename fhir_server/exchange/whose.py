"""Whose data a message is about: an order of one patient is not changed, cancelled or filled under another's name."""

from collections.abc import Sequence
from typing import Any, Final

from fhir_server.errors import Issue, Unprocessable
from fhir_server.storage.database import Connection
from fhir_server.storage.find import load
from fhir_server.storage.intents import Resource
from fhir_server.storage.read import current_versions
from fhir_server.storage.version import Version
from mappers.mapped import Entry
from mappers.script.to_fhir.identity import PERSON

WHOSE: Final = ("subject", "patient", "beneficiary", "for")
"""Elements that say of whom a resource is; a message does not change them."""

PATIENT: Final = "Patient"
REPLACED_BY: Final = "replaced-by"


async def check_whose(connection: Connection, entries: Sequence[Entry], versions: Sequence[Version | None]) -> None:
    """Raises `Unprocessable`, with the entry's place, before anything is committed.

    Where the message's patient has taken the place of another, what was the other's is theirs. Of somebody who is known
    by no number nothing can be said, nor of who is known by how a partner writes them: a pharmacist matches them.
    """
    known = zip(entries, versions, strict=True)
    patient = next((v for e, v in known if e.type_name == PATIENT and _has_number(e) and v), None)
    for entry, version in zip(entries, versions, strict=True):
        if version is None or version.body is None or entry.how == "create":
            continue
        resource = load(version)
        if entry.type_name == PATIENT and entry.how == "match" and _has_number(entry) and replaced_by(resource):
            raise _refused(entry, "the record was merged into another one: its number is no longer used")
        whose = owner_of(resource)
        if patient and whose and whose != patient.id and not await _became(connection, whose, patient.id):
            raise _refused(entry, "what is known by this number is another patient's")


def _has_number(entry: Entry) -> bool:
    return entry.how != "create" and f":{PERSON}|" not in entry.condition


async def _became(connection: Connection, former: str, patient: str) -> bool:
    """Whether one patient's record was merged into another's."""
    found = await current_versions(connection, [(PATIENT, former)])
    version = found.get((PATIENT, former))
    return version is not None and version.body is not None and f"{PATIENT}/{patient}" in replaced_by(load(version))


def owner_of(resource: Resource) -> str:
    """The id of the patient; "" where it names none by a reference to this server."""
    elements: list[Any] = [resource.get(name) for name in WHOSE]
    texts = [str(one.get("reference", "")) for one in elements if isinstance(one, dict)]
    return next((text.removeprefix(f"{PATIENT}/") for text in texts if text.startswith(f"{PATIENT}/")), "")


def replaced_by(patient: Resource) -> list[str]:
    """References to the records that a patient's was merged into."""
    return [link["other"].get("reference", "") for link in patient.get("link", ()) if link.get("type") == REPLACED_BY]


def _refused(entry: Entry, message: str) -> Unprocessable:
    text = f"{entry.place}: {message}" if entry.place else message
    return Unprocessable(text, [Issue("business-rule", message, entry.place)])
