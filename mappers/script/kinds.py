"""The transactions of SCRIPT. https://www.ecfr.gov/current/title-42/section-423.160 lists their names."""

from typing import Final

ANSWERS: Final = ("Status", "Error", "Verify")
"""What says how a transaction was taken; none of them is answered itself."""

MAPPED: Final = tuple(
    """NewRx NewRxRequest NewRxResponseDenied RxChangeRequest RxChangeResponse RxRenewalRequest RxRenewalResponse
    CancelRx CancelRxResponse RxFill RxFillIndicatorChange RxTransferInitiationRequest RxTransfer
    RxTransferConfirm""".split()
)
"""Mapped in both directions."""

REQUESTS: Final = tuple(
    """RxHistoryRequest Resupply Recertification REMSInitiationRequest REMSRequest PAInitiationRequest PARequest
    PAAppealRequest PACancelRequest""".split()
)
"""Come as a Task."""

REPORTS: Final = tuple(
    """RxHistoryResponse DrugAdministration REMSInitiationResponse REMSResponse PAInitiationResponse PAResponse
    PAAppealResponse PACancelResponse PANotification""".split()
)
"""Come as a Communication."""

KINDS: Final = frozenset((*ANSWERS, *MAPPED, *REQUESTS, *REPORTS, "GetMessage"))

OLD_NAMES: Final = {"RxTransferRequest": "RxTransferInitiationRequest", "RxTransferResponse": "RxTransfer"}
"""What 2017071 calls two of them; they are read under the names of 2023011 and written under their own."""

OUTCOMES: Final = ("Approved", "ApprovedWithChanges", "Replace", "Denied", "Pending", "Validated")
"""Exactly one of these is in the Response of an answer to a request."""

APPROVALS: Final = ("Approved", "ApprovedWithChanges", "Replace")
"""Come with the medication as it is approved."""

_PATIENT: Final = "Patient/HumanPatient|Patient/NonHumanPatient"
_PERSON: Final = (_PATIENT, "Prescriber/NonVeterinarian|Prescriber/Veterinarian")
REQUIRED: Final = {
    "NewRx": (
        *_PERSON,
        "MedicationPrescribed/DrugDescription",
        "MedicationPrescribed/Quantity",
        "MedicationPrescribed/Sig/SigText",
    ),
    "NewRxRequest": (_PATIENT,),
    "RxChangeRequest": (_PATIENT, "MedicationPrescribed/DrugDescription"),
    "RxRenewalRequest": (_PATIENT, "MedicationPrescribed/DrugDescription|MedicationDispensed/DrugDescription"),
    "CancelRx": (_PATIENT, "MedicationPrescribed/DrugDescription"),
    "RxFill": (
        "FillStatus",
        _PATIENT,
        "MedicationPrescribed/DrugDescription|MedicationDispensed/DrugDescription",
    ),
    "RxFillIndicatorChange": (_PATIENT, "MedicationPrescribed/DrugDescription"),
    "RxTransfer": (_PATIENT, "MedicationPrescribed/DrugDescription"),
    "Status": ("Code",),
    "Error": ("Code",),
    "Verify": ("Code",),
}
"""What a transaction cannot be carried out without; `|` is or."""

REQUIRED_OF_APPROVAL: Final = (_PATIENT, "MedicationResponse/DrugDescription")
