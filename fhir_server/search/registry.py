"""Which search parameters a type has, compiled: what indexing and queries share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir_server.model.definitions import Definitions
from fhir_server.model.fhirpath.elements import is_a
from fhir_server.search.extract import Extractor, Typed, compile_all
from fhir_server.search.types import reference, token, uri

KEYED_TYPES = ("token", "reference", "uri")
"""Parameter types whose values are exact keys; the others are not searchable yet."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of one resource type. https://hl7.org/fhir/R4/searchparameter.html."""

    code: str
    type: str
    url: str
    extract: Extractor

    def keys(self, resource: dict[str, Any], base_url: str) -> Iterator[str]:
        for typed in self.extract(resource):
            yield from self._keys_of(typed, base_url)

    def _keys_of(self, typed: Typed, base_url: str) -> Iterator[str]:
        if self.type == "token":
            return token.index_keys(typed)
        if self.type == "reference":
            return reference.index_keys(typed, base_url)
        return uri.index_keys(typed)

    def query_key(self, text: str, modifier: str, base_url: str) -> str:
        """The key a query value asks for; raises `Invalid` or `NotSupported`."""
        if self.type == "token":
            return token.query_key(text, modifier)
        if self.type == "reference":
            return reference.query_key(text, modifier, base_url)
        return uri.query_key(text, modifier)


class Registry:
    """Parameters by type and code; a type is compiled when it is first asked for."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._by_type: dict[str, dict[str, Parameter]] = {}

    def parameters(self, type_name: str) -> dict[str, Parameter]:
        if type_name not in self._by_type:
            self._by_type[type_name] = self._compile(type_name)
        return self._by_type[type_name]

    def _compile(self, type_name: str) -> dict[str, Parameter]:
        extractors = compile_all(self.definitions, type_name)
        parameters: dict[str, Parameter] = {}
        for found in self.definitions.search_parameters:
            concerned = any(is_a(self.definitions, type_name, base) for base in found.base)
            if concerned and found.code in extractors and found.code not in parameters and found.code != "_id":
                parameters[found.code] = Parameter(found.code, found.type, found.url, extractors[found.code])
        return parameters
