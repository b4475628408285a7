"""Patient as PID. The other way round: `to_fhir/patient.py`."""

from typing import Any, Final

from mappers.hl7v2.from_fhir.concepts import code_of, cwe, of_coding
from mappers.hl7v2.from_fhir.identifiers import cx
from mappers.hl7v2.from_fhir.persons import xad, xpn, xtn
from mappers.hl7v2.from_fhir.sending import Row, Sending, moment, row
from mappers.hl7v2.message import Field, Repetition
from mappers.hl7v2.tables import MARITAL_STATUS
from mappers.hl7v2.to_fhir.race import ETHNICITY, RACE
from mappers.making import Making
from mappers.mapped import Note, Resource

EXTENSIONS: Final = "http://hl7.org/fhir/StructureDefinition/patient-"
SEXES: Final = {"female": "F", "male": "M", "other": "O", "unknown": "U"}
CARRIED: Final = frozenset(
    """resourceType id meta text identifier name telecom gender birthDate _birthDate address maritalStatus communication
    deceasedBoolean deceasedDateTime multipleBirthBoolean multipleBirthInteger extension""".split()
)
CARRIED_EXTENSIONS: Final = frozenset({"mothersMaidenName", "birthPlace", "religion", RACE[1], ETHNICITY[1]})


def patient_rows(reference: Any, sending: Sending) -> list[Row]:
    """The PID of who is referred to; none where he is not at hand."""
    patient = sending.at(reference)
    return [pid(patient, sending)] if patient else []


def pid(patient: Resource, sending: Sending) -> Row:
    """PID; each element it has no field for is noted."""
    home, work = _telecom(patient)
    making, religion = sending.making, _extension(patient, "religion", "valueCodeableConcept")
    spoken: Resource = next((one["language"] for one in patient.get("communication", ()) if "language" in one), {})
    fields: dict[int, Field] = {
        1: "1",
        3: [cx(one, making) for one in patient.get("identifier", ()) if "value" in one],
        5: [xpn(one) for one in patient.get("name", ())],
        6: [(_extension(patient, "mothersMaidenName", "valueString"),)],
        7: moment(_born(patient)),
        8: SEXES.get(patient.get("gender", ""), ""),
        10: _codings(patient, RACE[1], making),
        11: [xad(one) for one in patient.get("address", ())],
        13: home,
        14: work,
        15: cwe(spoken, making) if spoken else "",
        16: _marital(patient, sending),
        17: cwe(religion, making) if religion else "",
        22: _codings(patient, ETHNICITY[1], making),
        23: (_extension(patient, "birthPlace", "valueAddress") or {}).get("text", ""),
        24: _yes_no(patient.get("multipleBirthBoolean")),
        25: str(patient.get("multipleBirthInteger", "")),
        29: moment(patient.get("deceasedDateTime")),
        30: "Y" if "deceasedDateTime" in patient else _yes_no(patient.get("deceasedBoolean")),
    }
    sending.notes.extend(_notes(patient))
    return row("PID", fields)


def _born(patient: Resource) -> str:
    """The time of birth where there is one. https://hl7.org/fhir/R4/extension-patient-birthtime.html."""
    found = (
        one for one in patient.get("_birthDate", {}).get("extension", ()) if one["url"] == f"{EXTENSIONS}birthTime"
    )
    said: Resource = next(found, {})
    return str(said.get("valueDateTime", "") or patient.get("birthDate", ""))


def _telecom(patient: Resource) -> tuple[list[Repetition], list[Repetition]]:
    """Those of work are PID-14, all others PID-13."""
    points = patient.get("telecom", ())
    home = [xtn(one) for one in points if one.get("use") != "work"]
    return [*home], [xtn(one) for one in points if one.get("use") == "work"]


def _marital(patient: Resource, sending: Sending) -> Field:
    concept = patient.get("maritalStatus", {})
    code = code_of(concept, MARITAL_STATUS)
    words = cwe(concept, sending.making) if concept else ""
    return (code, str(concept.get("text", "")), "HL70002") if code else words


def _yes_no(value: object) -> str:
    return {True: "Y", False: "N"}.get(value, "") if isinstance(value, bool) else ""


def _extension(patient: Resource, name: str, value: str) -> Any:
    found = (one for one in patient.get("extension", ()) if one["url"] == f"{EXTENSIONS}{name}")
    said: Resource = next(found, {})
    return said.get(value, "")


def _codings(patient: Resource, url: str, making: Making) -> list[Repetition]:
    """Race or ethnicity as US Core has it: its categories and finer codes."""
    found = (part for one in patient.get("extension", ()) if one["url"] == url for part in one.get("extension", ()))
    return [of_coding(part["valueCoding"], making) for part in found if "valueCoding" in part]


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
