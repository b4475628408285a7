"""The official search parameters, from the R4 package. https://hl7.org/fhir/R4/searchparameter-registry.html"""

import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = "definitions/hl7.fhir.r4.core-4.0.1.tgz"
"""Below the folder of the reference data."""

SWAPPED = {"DocumentReference-relationship"}
"""Its two components name each other's definitions: `code` is the relation, `target` the reference."""

EVERY_TYPE = ("DomainResource", "Resource")


@dataclass(frozen=True, slots=True)
class Parameter:
    """`kind` is R4's type of a search parameter; `components` are a composite's, with expressions of their own."""

    code: str
    kind: str
    expression: str
    targets: frozenset[str] = frozenset()
    components: tuple["Parameter", ...] = ()


@dataclass(frozen=True, slots=True)
class Definitions:
    """Parameters by resource type and code."""

    by_type: dict[str, dict[str, Parameter]]

    def of_type(self, type_name: str) -> dict[str, Parameter]:
        """With those that every type has."""
        shared = [self.by_type.get(base, {}) for base in EVERY_TYPE]
        return {code: found for table in (*shared, self.by_type.get(type_name, {})) for code, found in table.items()}

    def find(self, type_name: str, code: str) -> Parameter | None:
        return self.of_type(type_name).get(code)

    def get(self, type_name: str, code: str) -> Parameter:
        found = self.find(type_name, code)
        if found is None:
            raise LookupError(f"R4 has no search parameter {code} of {type_name}")
        return found


@cache
def load(package: Path) -> Definitions:
    """Those with an expression; the examples of the specification are none."""
    published = [one for one in _published(package) if one.get("expression") and not one["id"].startswith("example")]
    by_url = {one["url"]: _parameter(one) for one in published}
    by_type: dict[str, dict[str, Parameter]] = defaultdict(dict)
    for one in sorted(published, key=lambda each: str(each["url"])):
        found = replace(by_url[one["url"]], components=_components(one, by_url))
        for base in one["base"]:
            by_type[base].setdefault(found.code, found)
    return Definitions(dict(by_type))


def _published(package: Path) -> Iterator[dict[str, Any]]:
    with tarfile.open(package) as files:
        for member in files:
            content = files.extractfile(member) if "/SearchParameter-" in member.name else None
            if content is not None:
                yield json.load(content)


def _parameter(published: dict[str, Any]) -> Parameter:
    code, kind, targets = published["code"], published["type"], frozenset(published.get("target", ()))
    return Parameter(code, kind, published["expression"], targets)


def _components(published: dict[str, Any], by_url: dict[str, Parameter]) -> tuple[Parameter, ...]:
    parts = published.get("component", [])
    urls = [part["definition"] for part in parts]
    if published["id"] in SWAPPED:
        urls.reverse()
    return tuple(replace(by_url[url], expression=part["expression"]) for url, part in zip(urls, parts, strict=True))
