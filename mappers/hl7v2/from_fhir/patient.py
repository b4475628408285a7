"""Patient as PID. The other way round: `to_fhir/patient.py`."""

from typing import Any, Final

from mappers.hl7v2.from_fhir.concepts import code_of, cwe
from mappers.hl7v2.from_fhir.identifiers import cx
from mappers.hl7v2.from_fhir.persons import xad, xpn, xtn
from mappers.hl7v2.from_fhir.sending import Sending
from mappers.hl7v2.message import Field, Repetition
from mappers.hl7v2.tables import MARITAL_STATUS
from mappers.hl7v2.times import timestamp
from mappers.mapped import Note, Resource

EXTENSIONS: Final = "http://hl7.org/fhir/StructureDefinition/patient-"
SEXES: Final = {"female": "F", "male": "M", "other": "O", "unknown": "U"}
LAST: Final = 30
CARRIED: Final = frozenset(
    """resourceType id meta text identifier name telecom gender birthDate _birthDate address maritalStatus communication
    deceasedBoolean deceasedDateTime multipleBirthBoolean multipleBirthInteger extension""".split()
)
CARRIED_EXTENSIONS: Final = frozenset({"mothersMaidenName", "birthPlace", "religion"})


def pid(patient: Resource, sending: Sending) -> tuple[list[Field], list[Note]]:
    """PID for `write`, and a note of each element it has no field for."""
    home, work = _telecom(patient)
    fields: dict[int, Field] = {
        1: "1",
        3: [cx(one, sending) for one in patient.get("identifier", ())],
        5: [xpn(one) for one in patient.get("name", ())],
        6: [(_extension(patient, "mothersMaidenName", "valueString"),)],
        7: timestamp(_born(patient)),
        8: SEXES.get(patient.get("gender", ""), ""),
        11: [xad(one) for one in patient.get("address", ())],
        13: home,
        14: work,
        15: cwe(patient["communication"][0].get("language", {})) if patient.get("communication") else "",
        16: _marital(patient),
        17: cwe(_extension(patient, "religion", "valueCodeableConcept") or {}),
        23: (_extension(patient, "birthPlace", "valueAddress") or {}).get("text", ""),
        24: _yes_no(patient.get("multipleBirthBoolean")),
        25: str(patient.get("multipleBirthInteger", "")),
        29: timestamp(patient.get("deceasedDateTime", "")),
        30: "Y" if "deceasedDateTime" in patient else _yes_no(patient.get("deceasedBoolean")),
    }
    return ["PID", *(fields.get(number, "") for number in range(1, LAST + 1))], _notes(patient)


def _born(patient: Resource) -> str:
    """The time of birth where there is one. https://hl7.org/fhir/R4/extension-patient-birthtime.html."""
    found = (
        one for one in patient.get("_birthDate", {}).get("extension", ()) if one["url"] == f"{EXTENSIONS}birthTime"
    )
    return str(next(found, {}).get("valueDateTime", "") or patient.get("birthDate", ""))


def _telecom(patient: Resource) -> tuple[list[Repetition], list[Repetition]]:
    """Those of work are PID-14, all others PID-13."""
    points = patient.get("telecom", ())
    home = [xtn(one) for one in points if one.get("use") != "work"]
    return [*home], [xtn(one) for one in points if one.get("use") == "work"]


def _marital(patient: Resource) -> Field:
    concept = patient.get("maritalStatus", {})
    code = code_of(concept, MARITAL_STATUS)
    return (code, str(concept.get("text", "")), "HL70002") if code else cwe(concept)


def _yes_no(value: object) -> str:
    return {True: "Y", False: "N"}.get(value, "") if isinstance(value, bool) else ""


def _extension(patient: Resource, name: str, value: str) -> Any:
    found = (one for one in patient.get("extension", ()) if one["url"] == f"{EXTENSIONS}{name}")
    return next(found, {}).get(value, "")


def _notes(patient: Resource) -> list[Note]:
    notes = [Note("information", f"Patient.{name}", "has no field of PID") for name in patient if name not in CARRIED]
    notes += [
        Note("information", "Patient.extension", "an extension that has no field of PID")
        for one in patient.get("extension", ())
        if str(one["url"]).removeprefix(EXTENSIONS) not in CARRIED_EXTENSIONS
    ]
    if len(patient.get("communication", ())) > 1:
        notes.append(Note("information", "Patient.communication[1]", "PID-15 has one language"))
    return notes
