"""Resources that several messages speak of: found by their identifier, and once in what a message makes."""

from mappers.hl7v2.to_fhir.draft import Draft, condition_of
from mappers.mapped import How, Resource


def share(draft: Draft, resource: Resource, place: str, how: How = "match") -> Resource:
    """A reference to what has the first identifier of `resource`; a second mention of it is the first one's entry."""
    type_name, condition = str(resource["resourceType"]), condition_of(resource["identifier"][0])
    known = draft.known(type_name, condition)
    if known is not None:
        return {"reference": known}
    return dict(draft.add(numbered(draft, type_name), resource, place, how=how, condition=condition))


def numbered(draft: Draft, type_name: str) -> str:
    """`Condition[2]` for the second one of a message: what its id is made of."""
    return f"{type_name}[{draft.count_of(type_name) + 1}]"


def shown(name: Resource) -> str:
    """A HumanName as a line of text; "" of none."""
    parts = (*name.get("prefix", ()), *name.get("given", ()), name.get("family", ""), *name.get("suffix", ()))
    return " ".join(part for part in parts if part)
