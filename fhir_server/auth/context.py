"""Who asks, through which client and for what purpose: every write carries one."""

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

SYSTEM: Final = "system"
OPERATIONS: Final = "HOPERAT"
"""PurposeOfUse: healthcare operations. https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html."""


@dataclass(frozen=True, slots=True)
class Context:
    """`purpose` is a PurposeOfUse code, `reason` what a person wrote who broke the glass.

    `role` is of auth/roles.py ("" for nobody's), `token_id` names the access token and is no secret, `address` is the
    network address the request came from. https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html.
    """

    actor: str
    client: str
    purpose: str
    request_id: str
    role: str = ""
    reason: str = ""
    token_id: str = ""
    address: str = ""


def system_context() -> Context:
    """Of what the installation does by itself, with nobody asking; no token's actor is called so."""
    return Context(SYSTEM, SYSTEM, OPERATIONS, str(uuid4()))
