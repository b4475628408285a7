"""What an access token stands for, as it was issued: who, through which client, with which scopes."""

from dataclasses import dataclass
from typing import Final

from fhir_server.auth.roles import Role
from fhir_server.auth.scopes import Scope

TREATMENT: Final = "TREAT"
BREAK_GLASS: Final = "BTG"
"""Codes of PurposeOfUse. https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html."""


@dataclass(frozen=True, slots=True)
class Access:
    """`actor` is the FHIR reference of the person (`Practitioner/1`), of a system `Client/<client id>`.

    `patient` is the id in the launch context, None where there is none; `patients` are the ids of those the person is,
    or cares for. `token_id` names the token in the audit trail and is no secret.
    """

    actor: str
    client: str
    role: Role
    scopes: tuple[Scope, ...]
    patient: str | None = None
    patients: tuple[str, ...] = ()
    purpose: str = TREATMENT
    reason: str = ""
    token_id: str = ""
