"""What comes out of a mapping: FHIR, what could not be carried, and why each choice was made. Pure."""

from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote

Resource = dict[str, Any]
Severity = Literal["error", "warning", "information"]
How = Literal["create", "match", "merge", "find"]


@dataclass(frozen=True, slots=True)
class Note:
    """What was not carried, or was carried with a doubt; `place` is `RXE-2.1` or a path of elements in XML.

    The text says what and why, and repeats no value: it may be shown to whoever runs the interface.
    """

    severity: Severity
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Where an element comes from, and the reason where the source leaves a choice."""

    element: str
    """`MedicationRequest.status`"""
    place: str
    """`ORC-1`"""
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource of a mapping, and how it meets what is in the store.

    `create`: it is new. `match`: what meets the condition is used as it is, else this is created. `merge`: what meets
    the condition gets these elements, loses those in `cleared` and keeps its others, else this is created. `find`:
    what meets the condition has to be there; the resource has no more than its type, and is not written.
    """

    full_url: str
    """`urn:uuid:…`, by which other entries refer to it."""
    resource: Resource
    how: How = "create"
    condition: str = ""
    """Of all but `create`, as a search query: `identifier=http://hospital.example/mrn|1`."""
    cleared: tuple[str, ...] = ()
    """Elements the source says are empty (`""` in HL7 v2)."""
    place: str = ""
    """Where the source speaks of it: `ORC-2`."""

    @property
    def type_name(self) -> str:
        return str(self.resource["resourceType"])


_ESCAPED: Final = str.maketrans({character: f"\\{character}" for character in "\\|,$"})
"""https://hl7.org/fhir/R4/search.html#escaping."""


def token(system: str, value: str) -> str:
    """`system|value`, as a search asks for it."""
    return "|".join(part.translate(_ESCAPED) for part in (system, value))


def by_identifier(system: str, value: str) -> str:
    """The condition that finds a resource by an identifier: `identifier=http://hospital.example/rx|1`."""
    return "identifier=" + "|".join(quote(part.translate(_ESCAPED), safe=":/") for part in (system, value))


METHODS: Final = {"create": "POST", "match": "POST", "merge": "PUT"}


@dataclass(frozen=True, slots=True)
class Mapped:
    entries: tuple[Entry, ...]
    notes: tuple[Note, ...] = ()
    choices: tuple[Choice, ...] = ()

    def bundle(self) -> Resource:
        """As a transaction: what has to be there is referred to by conditional references.

        https://hl7.org/fhir/R4/http.html#transaction
        """
        found = {one.full_url: f"{one.type_name}?{one.condition}" for one in self.entries if one.how == "find"}
        written = (one for one in self.entries if one.how != "find")
        return {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(one, found) for one in written]}


def _entry(entry: Entry, found: dict[str, str]) -> Resource:
    request = {"method": METHODS[entry.how], "url": entry.type_name}
    if entry.how == "match":
        request["ifNoneExist"] = entry.condition
    if entry.how == "merge":
        request["url"] += f"?{entry.condition}"
    return {"fullUrl": entry.full_url, "resource": referring(entry.resource, found), "request": request}


def referring(value: Any, names: dict[str, str]) -> Any:
    """A copy whose references are renamed."""
    if isinstance(value, list):
        return [referring(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    copy = {name: referring(one, names) for name, one in value.items()}
    if isinstance(copy.get("reference"), str):
        copy["reference"] = names.get(copy["reference"], copy["reference"])
    return copy
