"""Who asks, through which client and for what purpose: every write carries one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """`purpose` is a PurposeOfUse code. https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html."""

    actor: str
    client: str
    purpose: str
    request_id: str
