"""Why a SCRIPT message is not taken: what an Error answers with."""

from typing import Final

TRY_LATER: Final = "600"
"""Nothing is wrong with the message; the same may be sent again."""
SYSTEM_ERROR: Final = "602"
"""The receiver failed; the same may be sent again."""
REJECTED: Final = "900"
"""The transaction is rejected; sent again unchanged it will be rejected again."""
GENERIC: Final = "1000"
"""The DescriptionCode that names no particular element: the list with the others is for members of NCPDP only."""


class ScriptFault(Exception):
    """What is wrong and where; the text repeats no value of a patient.

    `place` is a path of elements: `NewRx/MedicationPrescribed/Sig`.
    """

    def __init__(
        self, text: str, place: str = "Message", code: str = REJECTED, description_code: str = GENERIC
    ) -> None:
        super().__init__(f"{place}: {text}")
        self.text = text
        self.place = place
        self.code = code
        self.description_code = description_code
