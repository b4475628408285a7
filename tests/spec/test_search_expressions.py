"""Extraction against fhirpathpy, on all official examples: what our closures select is what FHIRPath selects."""

import json
import os
import re
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fhirpathpy import compile as compile_oracle
from fhirpathpy.models import models

from fhir_server.model.definitions import load_definitions
from fhir_server.model.fhirpath.elements import is_a
from fhir_server.model.fhirpath.parser import parse
from fhir_server.model.parser import parse_object
from fhir_server.search.registry import Registry

CORPUS = Path(os.environ.get("GALENIC_CORPUS", Path(__file__).parents[2] / "../shared/data"))
EXAMPLES = CORPUS / "examples/r4-official"
FILES = sorted(EXAMPLES.glob("*.json"))

UNCOMPILED = {
    ("Patient", "part-agree"): "its expression begins with DocumentReference, which a Patient never is",
    ("MolecularSequence", "chromosome-variant-coordinate"): "a part of it is outside of the group of the others",
    ("MolecularSequence", "referenceseqid-variant-coordinate"): "a part of it is outside of the group of the others",
}
"""Official parameters without an extractor. It may only get shorter."""

REWRITTEN = (
    # fhirpathpy knows no base types as the start of a path
    (r"\b(?:Domain)?Resource\.", "{type}."),
    # `as` is an error there for more than one item, and R4's expressions mean every item
    (r"\(([\w.]+) as (\w+)\)", r"\1.ofType(\2)"),
    (r"\.as\(", ".ofType("),
    # it has neither resolve() nor hasExtension()
    (r"resolve\(\) is (\w+)", r"refersTo('\1')"),
    (r"hasExtension\(([^)]*)\)", r"extension(\1).exists()"),
)
"""What fhirpathpy cannot do -> how it is asked instead."""


class Oracle:
    """fhirpathpy with a `refersTo` for `resolve() is`, which reads the references of one resource at a time."""

    def __init__(self) -> None:
        self._resource: dict[str, Any] = {}
        self._compiled: dict[str, Any] = {}

    def values(self, resource: dict[str, Any], expression: str) -> set[str]:
        self._resource = resource
        if expression not in self._compiled:
            refers_to = {"fn": self._refers_to, "arity": {1: ["String"]}}
            options = {"userInvocationTable": {"refersTo": refers_to}}
            self._compiled[expression] = compile_oracle(expression, models["r4"], options)
        return {canonical(value) for value in self._compiled[expression](resource)}

    def _refers_to(self, references: list[Any], type_name: str) -> list[bool]:
        return [self._target(getattr(r, "data", r).get("reference", "")) == type_name for r in references]

    def _target(self, reference: str) -> str:
        if reference.startswith("#"):
            contained = {r["id"]: r["resourceType"] for r in self._resource.get("contained", [])}
            return contained.get(reference[1:], "")
        parts = reference.split("/_history", maxsplit=1)[0].split("/")
        return parts[-2] if len(parts) > 1 else ""


def canonical(value: Any) -> str:
    """The same text for the same value; numbers by value: fhirpathpy turns them into Decimals."""
    return json.dumps(value, sort_keys=True, default=lambda number: f"{decimal(number).normalize():f}")


def decimal(number: Any) -> Decimal:
    return Decimal(bytes(number).decode() if isinstance(number, msgspec.Raw) else str(number))


def asked(expression: str, type_name: str) -> str:
    """The alternatives that concern the type, as fhirpathpy can be asked them."""
    for pattern, replacement in REWRITTEN:
        expression = re.sub(pattern, replacement.format(type=type_name), expression)
    alternatives = [re.sub(r"^\((.*)\)$", r"\1", part) for part in expression.split(" | ")]
    return " | ".join(part for part in alternatives if re.match(rf"{type_name}\b|[a-z]", part))


@cache
def expressions(type_name: str) -> dict[str, str]:
    """The expressions of the parameters of a type by code, the first by URL where two have one code."""
    found: dict[str, str] = {}
    for parameter in load_definitions().search_parameters:
        if parameter.expression and any(is_a(load_definitions(), type_name, base) for base in parameter.base):
            found.setdefault(parameter.code, parameter.expression)
    return found


@cache
def extractors(type_name: str) -> dict[str, Any]:
    parameters = Registry(load_definitions()).official(type_name)
    return {code: parameters[code].extract for code in parameters.keys() & expressions(type_name).keys()}


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


@pytest.mark.corpus
@pytest.mark.skipif(not FILES, reason=f"the official examples are not at {EXAMPLES}")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_extraction_selects_what_fhirpath_selects(path, oracle):
    plain, ours = json.loads(path.read_bytes(), parse_float=Decimal), parse_object(path.read_bytes(), 100)
    type_name = plain["resourceType"]
    for code, extract in extractors(type_name).items():
        expected = oracle.values(plain, asked(expressions(type_name)[code], type_name))
        assert {canonical(found.value) for found in extract(ours)} == expected, (type_name, code)


@pytest.mark.corpus
@pytest.mark.skipif(not FILES, reason=f"the official examples are not at {EXAMPLES}")
def test_the_examples_give_most_parameters_something_to_select():
    found = {
        (resource["resourceType"], code)
        for resource in (parse_object(path.read_bytes(), 100) for path in FILES)
        for code, extract in extractors(resource["resourceType"]).items()
        if extract(resource)
    }
    assert len(found) > 700


def test_every_official_expression_is_read():
    texts = {p.expression for p in load_definitions().search_parameters if p.expression}
    assert len(texts) > 1300
    for text in texts:
        parse(text)


def test_every_official_parameter_is_compiled_but_the_listed_ones():
    types = load_definitions().resource_types
    missing = {(t, code) for t in types for code in expressions(t).keys() - extractors(t).keys()}
    assert missing == set(UNCOMPILED)
