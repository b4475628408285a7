"""PID-18 and GT1 as Account. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-pid-to-account.html."""

from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled
from mappers.hl7v2.to_fhir.identifiers import cx
from mappers.hl7v2.to_fhir.related_person import guarantor
from mappers.hl7v2.to_fhir.sharing import share
from mappers.mapped import How, Resource


def account(
    draft: Draft, patient: Resource, number: str, coverages: list[Resource], *, how: How = "merge"
) -> Resource | None:
    """A reference to the account of PID-18; None without one, though whoever GT1 names is still made."""
    segment = draft.message.first("PID")
    guarantors = [(one, guarantor(draft, one, patient, number)) for one in draft.message.all("GT1")]
    identifier = cx(segment.value(18), draft.making, "AN") if segment else None
    if segment is None or identifier is None:
        for one, party in guarantors:
            if party:
                draft.note("information", one.place(), "a guarantor of no account: without PID-18 there is none")
        return None
    resource = filled(
        resourceType="Account",
        identifier=[identifier],
        status="active",
        subject=[patient],
        coverage=[{"coverage": one} for one in coverages],
        guarantor=[{"party": party} for _, party in guarantors if party],
    )
    return share(draft, resource, segment.place(18), how)
