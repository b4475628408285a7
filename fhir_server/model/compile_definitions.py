r"""Compile the official R4 packages into the one table the server loads.

    python -m fhir_server.model.compile_definitions \
        hl7.fhir.r4.core-4.0.1.tgz hl7.fhir.r4.expansions-4.0.1.tgz

writes `r4.json.xz` beside this file, byte for byte the same on every run. It holds all resource, complex and
primitive types (their snapshots; a backbone element is a type named by its path, `Patient.contact`), the
search parameters and the five compartments.
https://hl7.org/fhir/R4/downloads.html, https://hl7.org/fhir/R4/elementdefinition.html

Required bindings are kept as closed lists of codes. Left out, because no list could be closed:

* `mimetypes` (BCP 13): codes of an open registry, so only the form of a `code` is checked (languages, BCP 47,
  are bound nowhere as required);
* `ucum-units`: the expansion is a sample of 1000 of an infinite grammar;
* `LL379-9`: an answer list of LOINC that is in neither package.
`currencies` is kept as expanded there: the 182 codes of ISO 4217 when R4 was published.
"""

import json
import lzma
import sys
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

TARGET = Path(__file__).with_name("r4.json.xz")
EXTENSIONS = "http://hl7.org/fhir/StructureDefinition/"
FHIR_TYPE = EXTENSIONS + "structuredefinition-fhir-type"
REGEX = EXTENSIONS + "regex"
READ = ("StructureDefinition-", "SearchParameter-", "CompartmentDefinition-", "ValueSet-")
COMPARTMENTS = ("Patient", "Encounter", "RelatedPerson", "Practitioner", "Device")
OPEN_VALUE_SETS = frozenset(
    {
        "http://hl7.org/fhir/ValueSet/mimetypes",
        "http://hl7.org/fhir/ValueSet/ucum-units",
        "http://loinc.org/vs/LL379-9",
    }
)

FIXED_REGEXES = {
    # R4: `(\s*([0-9a-zA-Z\+\/=]){4}\s*)+`, quadratic on white space and blind to padding; decoded instead.
    "base64Binary": "",
    # R4: `[ \r\n\t\S]+`, which refuses U+00A0 and its like wherever \S knows Unicode.
    "string": r"[^\x00-\x08\x0b\x0c\x0e-\x1f]+",
    "markdown": r"[^\x00-\x08\x0b\x0c\x0e-\x1f]+",
    # R4: `\S*`, though no primitive may be empty (https://hl7.org/fhir/R4/datatypes.html#uri).
    "uri": r"\S+",
    "url": r"\S+",
    "canonical": r"\S+",
}


def read_package(path: Path) -> dict[str, Json]:
    """The definitions of a package by file name, in the order of their names."""
    found: dict[str, Json] = {}
    with tarfile.open(path) as package:
        for member in package:
            name = member.name.removeprefix("package/")
            if name.startswith(READ) and (file := package.extractfile(member)) is not None:
                found[name] = json.load(file)
    return dict(sorted(found.items()))


def of_kind(package: dict[str, Json], resource_type: str) -> Iterator[Json]:
    return (resource for name, resource in package.items() if name.startswith(resource_type + "-"))


def structures(core: dict[str, Json]) -> list[Json]:
    """Every type of the specification, no profile, no logical model."""
    return sorted(
        (
            definition
            for definition in of_kind(core, "StructureDefinition")
            if definition["kind"] != "logical" and definition.get("derivation") != "constraint"
        ),
        key=lambda definition: str(definition["name"]),
    )


class ElementPool:
    """Rows of elements, each distinct one once: `id`, `extension` and `meta` recur in nearly every type."""

    def __init__(self, value_sets: dict[str, list[Any]]) -> None:
        self.rows: list[list[Any]] = []
        self.value_sets = value_sets
        self.used: set[str] = set()
        self._numbers: dict[str, int] = {}

    def number(self, element: Json, backbones: set[str]) -> int:
        row = self._row(element, backbones)
        key = json.dumps(row)
        if key not in self._numbers:
            self._numbers[key] = len(self.rows)
            self.rows.append(row)
        return self._numbers[key]

    def _row(self, element: Json, backbones: set[str]) -> list[Any]:
        """[name, min, max (0 is *), [[type, [target]]], value set or "", 1 summary + 2 modifier]."""
        flags = bool(element.get("isSummary")) + 2 * bool(element.get("isModifier"))
        name = element["path"].rpartition(".")[2]
        maximum = 0 if element["max"] == "*" else int(element["max"])
        return [
            name,
            element["min"],
            maximum,
            element_types(element, backbones),
            self._binding(element),
            flags,
        ]

    def _binding(self, element: Json) -> str:
        binding = element.get("binding", {})
        url = str(binding.get("valueSet", "")).partition("|")[0]
        if binding.get("strength") != "required" or url in OPEN_VALUE_SETS:
            return ""
        if not {t["code"] for t in element["type"]} <= {"code", "CodeableConcept"}:
            raise ValueError(f"{element['path']} has a required binding on a type no rule is written for")
        if not self.value_sets.get(url):
            raise ValueError(f"{url} of {element['path']} is not expanded")
        self.used.add(url)
        return url


def element_types(element: Json, backbones: set[str]) -> list[list[Any]]:
    """[[type, [target types]]]; a backbone element, also by contentReference, is the type its path names."""
    if "contentReference" in element:
        return [[element["contentReference"].removeprefix("#"), []]]
    if element["path"] in backbones:
        return [[element["path"], []]]
    return [[type_code(element, t), target_types(t)] for t in element["type"]]


def type_code(element: Json, element_type: Json) -> str:
    if not element_type["code"].startswith("http://hl7.org/fhirpath/"):
        return str(element_type["code"])
    if element["base"]["path"] == "Resource.id":
        return "id"  # the package says string, the page id: https://hl7.org/fhir/R4/resource.html
    if element["path"] == "xhtml.id":
        return "string"
    return next(str(e["valueUrl"]) for e in element_type["extension"] if e["url"] == FHIR_TYPE)


def target_types(element_type: Json) -> list[str]:
    """The types a Reference may point to; none when it may point to any."""
    targets = sorted({url.rpartition("/")[2] for url in element_type.get("targetProfile", [])})
    return [] if "Resource" in targets else targets


def compile_type(definition: Json, pool: ElementPool) -> list[list[Any]]:
    """[name, kind, base type, 1 when abstract, regex, [element number]]: a type and its backbone elements."""
    elements = definition["snapshot"]["element"]
    children = defaultdict(list)
    for element in elements[1:]:
        children[element["path"].rpartition(".")[0]].append(element)
    name = definition["name"]
    if definition["kind"] == "primitive-type":
        children[name] = [e for e in elements if e["path"].endswith((".id", ".extension"))]
    backbones = set(children) - {name}
    base = {e["path"]: e["type"][0]["code"] for e in elements if e["path"] in backbones}
    base[name] = definition.get("baseDefinition", "").rpartition("/")[2]
    kind = dict.fromkeys(backbones, "backbone") | {name: definition["kind"]}
    return [
        [
            path,
            kind[path],
            base[path],
            int(path == name and definition["abstract"]),
            primitive_regex(definition) if path == name else "",
            [pool.number(element, backbones) for element in children[path]],
        ]
        for path in sorted(children)
    ]


def primitive_regex(definition: Json) -> str:
    if definition["kind"] != "primitive-type" or definition["name"] in FIXED_REGEXES:
        return FIXED_REGEXES.get(definition["name"], "")
    value_types = definition["snapshot"]["element"][-1]["type"]
    extensions = value_types[0].get("extension", [])
    return next((str(e["valueString"]) for e in extensions if e["url"] == REGEX), "")


def compile_value_sets(expansions: dict[str, Json]) -> dict[str, list[Any]]:
    """Value set URL -> [[system, [code]]]."""
    return {
        value_set["url"]: [[system, codes] for system, codes in sorted(expanded(value_set).items())]
        for value_set in of_kind(expansions, "ValueSet")
    }


def expanded(value_set: Json) -> dict[str, list[str]]:
    codes = defaultdict(set)
    waiting = list(value_set["expansion"].get("contains", []))
    while waiting:
        concept = waiting.pop()
        waiting.extend(concept.get("contains", []))
        if "code" in concept and not concept.get("abstract"):
            codes[concept["system"]].add(concept["code"])
    return {system: sorted(found) for system, found in codes.items()}


def compile_search_parameter(parameter: Json) -> list[Any]:
    """The fields of `SearchParameterDefinition`, in its order."""
    return [
        parameter["url"],
        parameter["code"],
        parameter["type"],
        parameter.get("base", []),
        parameter.get("expression", ""),
        parameter.get("target", []),
        [[c["definition"], c["expression"]] for c in parameter.get("component", [])],
        parameter.get("multipleOr", True),
        parameter.get("multipleAnd", True),
        parameter.get("modifier", []),
        parameter.get("comparator", []),
    ]


def compile_compartment(definition: Json) -> dict[str, list[str]]:
    return {entry["code"]: entry["param"] for entry in definition["resource"] if "param" in entry}


def compile_table(core: dict[str, Json], expansions: dict[str, Json]) -> Json:
    pool = ElementPool(compile_value_sets(expansions))
    types = [row for definition in structures(core) for row in compile_type(definition, pool)]
    compartments = {
        d["code"]: compile_compartment(d) for d in of_kind(core, "CompartmentDefinition") if d["id"] != "example"
    }
    parameters = (compile_search_parameter(p) for p in of_kind(core, "SearchParameter"))
    return {
        "types": types,
        "elements": pool.rows,
        "valueSets": [[url, pool.value_sets[url]] for url in sorted(pool.used)],
        "searchParameters": sorted(parameters),
        "compartments": {name: compartments[name] for name in COMPARTMENTS},
    }


def render(core: Path, expansions: Path) -> bytes:
    """The bytes of the table."""
    table = compile_table(read_package(core), read_package(expansions))
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return lzma.compress(text.encode(), format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=9)


if __name__ == "__main__":
    TARGET.write_bytes(render(Path(sys.argv[1]), Path(sys.argv[2])))
