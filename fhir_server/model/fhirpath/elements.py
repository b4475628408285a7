"""FHIRPath names and JSON names: `value` is `valueQuantity`, `valueString` and so on.

https://hl7.org/fhir/R4/fhirpath.html#polymorphism
"""

from fhir_server.model.definitions import Definitions, Property


def elements_named(definitions: Definitions, type_name: str, name: str) -> tuple[Property, ...]:
    """The JSON properties that hold the element `name` of a type: one, or one for each type of a choice."""
    definition = definitions.types.get(type_name)
    if definition is None:
        return ()
    found = definition.properties.get(name)
    if found is not None and found.element.name == name:
        return (found,)
    return tuple(p for p in definition.properties.values() if p.element.name == f"{name}[x]" and not p.is_sibling)


def is_a(definitions: Definitions, type_name: str, ancestor: str) -> bool:
    """Whether a type is `ancestor` or derives from it: a code is a string, a Patient is a DomainResource."""
    while type_name != ancestor:
        definition = definitions.types.get(type_name)
        if definition is None:
            return False
        type_name = definition.base
    return True
