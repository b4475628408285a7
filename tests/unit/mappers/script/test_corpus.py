"""Every real message of the corpus is answered as this table says, which was written before the first run."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from mappers.making import Making
from mappers.mapped import Mapped
from mappers.script.faults import ScriptFault
from mappers.script.message import adapted, read, write
from mappers.script.to_fhir.convert import to_fhir

CORPUS = Path(os.environ.get("GALENIC_CORPUS") or Path(__file__).parents[5] / "shared" / "data")
SCRIPT = CORPUS / "pharmacy" / "ncpdp_script"
NO_SENDER: Final = "Header/From"
EDIFACT: Final = "Message"
PATIENT_MISSING: Final = "RxRenewalResponse/Patient/HumanPatient"

ANSWERS: Final = {
    "CancelRx/cosyte__cancelrx-request.xml": "000",
    "CancelRxResponse/cosyte__cancelrx-response-approved.xml": "000",
    "CancelRxResponse/cosyte__cancelrx-response-denied.xml": "000",
    "Error/cosyte__error-response.xml": "000",
    "Error/mcode_pims_Error_2017071.xml": "000",
    "NewRx/cosyte__legacy-version.xml": NO_SENDER,
    "NewRx/cosyte__newrx-basic.xml": "000",
    "NewRx/cosyte__newrx-coded-and-strength.xml": "000",
    "NewRx/cosyte__newrx-edge-empties.xml": NO_SENDER,
    "NewRx/cosyte__newrx-no-version.xml": NO_SENDER,
    "NewRx/cosyte__newrx-sig-ambiguous-dose.xml": NO_SENDER,
    "NewRx/cosyte__newrx-sig-disagreement.xml": NO_SENDER,
    "NewRx/cosyte__newrx-sig-text-only.xml": NO_SENDER,
    "NewRx/cosyte__newrx-structured-sig.xml": NO_SENDER,
    "NewRx/cosyte__newrx-variant-shapes.xml": NO_SENDER,
    "NewRx/cosyte__surescripts-routing.xml": "000",
    "NewRx/cosyte__surescripts-version-2023011.xml": "NewRx/Prescriber/NonVeterinarian",
    "NewRx/dgoradia__sample-newrx-qty-float.xml": "000",
    "NewRx/dgoradia__sample-newrx.xml": "000",
    "NewRx/mcode_request-generator_NewRx_2017071.xml": "000",
    "NewRx/mcode_request-generator_NewRx_2022071.xml": NO_SENDER,
    "NewRx/nist_NewRx_10.6_structuredsig.xml": "000",
    "REMSInitiationRequest/mcode_pims_REMSInitiationRequest_2024011.xml": "000",
    "REMSRequest/mcode_pims_REMSRequest_2024011.xml": "000",
    "RxChangeRequest/cosyte__rxchange-request.xml": "000",
    "RxChangeResponse/cosyte__rxchange-response-denied.xml": "000",
    "RxChangeResponse/cosyte__rxchange-response-validated.xml": "000",
    "RxFill/cosyte__unsupported-transaction.xml": "RxFill/FillStatus",
    "RxFill/mcode_pims_RxFill_Dispensed_2017071.xml": "000",
    "RxRenewalRequest/cosyte__rxrenewal-request.xml": "000",
    "RxRenewalResponse/cosyte__rxrenewal-response-ambiguous.xml": PATIENT_MISSING,
    "RxRenewalResponse/cosyte__rxrenewal-response-approved-with-changes-nested.xml": PATIENT_MISSING,
    "RxRenewalResponse/cosyte__rxrenewal-response-approved-with-changes.xml": PATIENT_MISSING,
    "RxRenewalResponse/cosyte__rxrenewal-response-approved.xml": PATIENT_MISSING,
    "RxRenewalResponse/cosyte__rxrenewal-response-denied.xml": "000",
    "RxRenewalResponse/cosyte__rxrenewal-response-no-outcome.xml": "RxRenewalResponse/Response",
    "Status/cosyte__response-ambiguous.xml": "Body",
    "Status/cosyte__status-no-code.xml": NO_SENDER,
    "Status/cosyte__status-response.xml": "000",
    "Status/mcode_pims_Status_2017071.xml": "000",
    "Verify/cosyte__verify-response.xml": "000",
    "_edifact/nist_CANRX_10.6.edi": EDIFACT,
    "_edifact/nist_NEWRX_10.6.edi": EDIFACT,
}
"""Status 000, or the place that an Error 900 names."""

TAKEN: Final = sorted(name for name, answer in ANSWERS.items() if answer == "000")
RESOURCES: Final = {
    "CancelRx": "Task",
    "CancelRxResponse": "Task",
    "NewRx": "MedicationRequest",
    "RxChangeRequest": "Task",
    "RxChangeResponse": "Task",
    "RxFill": "MedicationDispense",
    "RxRenewalRequest": "Task",
    "RxRenewalResponse": "Task",
    "REMSInitiationRequest": "Task",
    "REMSRequest": "Task",
}
"""What has to come of a transaction, beside its MessageHeader and its Provenance."""

pytestmark = pytest.mark.corpus


def answer(raw: bytes) -> str:
    try:
        read(raw)
    except ScriptFault as fault:
        return fault.place if fault.code == "900" else fault.code
    return "000"


def test_the_table_has_every_file_and_no_other() -> None:
    assert {str(path.relative_to(SCRIPT)) for path in SCRIPT.glob("*/*")} == set(ANSWERS)


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_message_is_answered_as_the_table_says(name: str) -> None:
    assert answer((SCRIPT / name).read_bytes()) == ANSWERS[name]


@pytest.mark.parametrize("name", TAKEN)
def test_what_comes_of_a_message_is_valid_and_what_it_is_about_is_there(
    name: str, making: Making, problems: Callable[[Mapped], list[str]]
) -> None:
    message = read((SCRIPT / name).read_bytes())
    mapped = to_fhir(message, making)
    types = {entry.type_name for entry in mapped.entries}
    assert {"MessageHeader", "Provenance", RESOURCES.get(message.kind, "MessageHeader")} <= types
    assert problems(mapped) == []


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("version", ["2017071", "2023011"])
def test_a_message_says_the_same_in_another_version(name: str, version: str) -> None:
    message = read((SCRIPT / name).read_bytes())
    if adapted(message, version).notes == ():
        again = read(write(message, version))
        assert again.version == version
        assert sorted(leaf.text for _, leaf in again.body.leaves()) == sorted(
            leaf.text for _, leaf in message.body.leaves()
        )


def test_edifact_is_refused_by_its_name() -> None:
    for path in (SCRIPT / "_edifact").iterdir():
        with pytest.raises(ScriptFault, match="EDIFACT"):
            read(path.read_bytes())
