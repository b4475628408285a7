"""docs/search/limits.md says what the code says."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from fhir_server.rest import parameters
from fhir_server.rest import search as rest_search
from fhir_server.search import kinds, limits, parse
from fhir_server.search.types import number, reference, string, uri, words
from fhir_server.settings import Settings

PAGE = Path(__file__).parents[2] / "docs/search/limits.md"
ROW = re.compile(r"\| ([\d,]+),? .*\| ([^|]*) \| [^|]* \| `([A-Z_]+)` \|")
SETTING = "GALENIC_"
ELSEWHERE = {
    "COUNT_DIGITS_MAX": parse,
    "DIGITS_MAX": number,
    "EXPONENT_MAX": number,
    "FORM_BYTES_MAX": rest_search,
    "FORM_ESCAPES_MAX": rest_search,
    "ORDER_CHARACTERS_MAX": kinds,
    "PARAMETERS_MAX": parameters,
    "SEGMENTS_MAX": uri,
    "TARGETS_ASKED_MAX": reference,
    "TEXT_CHARACTERS_MAX": string,
    "WORDS_MAX": words,
    "WORD_CHARACTERS_MAX": words,
}
"""Limits of search that are not in search/limits.py, and where they are."""


def rows() -> dict[str, tuple[int, str]]:
    """Number and unit by name."""
    found = [row for line in PAGE.read_text().splitlines() if (row := ROW.fullmatch(line))]
    assert len({row[3] for row in found}) == len(found), "a limit is there twice"
    return {row[3]: (int(row[1].replace(",", "")), row[2]) for row in found}


def constants() -> dict[str, int]:
    return {name: value for name, value in vars(limits).items() if name.isupper()}


def units() -> dict[str, str]:
    """The last parentheses of what is said below each constant."""
    nodes = ast.parse(Path(limits.__file__).read_text()).body
    said = {}
    for node, after in pairwise(nodes):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            assert isinstance(after, ast.Expr)
            said[node.target.id] = re.findall(r"\(([^()]+)\)", ast.literal_eval(after.value))[-1]
    return said


def test_every_line_of_a_limit_is_read():
    assert len(rows()) == sum(line.endswith("` |") for line in PAGE.read_text().splitlines())


def test_the_page_has_every_limit_of_the_code_with_its_number_and_no_other():
    of_queries = {name: number for name, (number, _) in rows().items() if name in constants()}
    others = rows().keys() - constants().keys() - ELSEWHERE.keys()
    assert len(constants()) > 10
    assert of_queries == constants()
    assert {name for name in others if not name.startswith(SETTING)} == set()


def test_the_page_has_the_unit_of_every_limit():
    assert units().keys() == constants().keys()
    assert {name: unit for name, (_, unit) in rows().items() if name in units()} == units()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_the_page_has_the_limits_of_values_and_requests(name):
    assert rows()[name][0] == getattr(ELSEWHERE[name], name)


@pytest.mark.parametrize("name", sorted(name for name in rows() if name.startswith(SETTING)))
def test_the_page_has_the_defaults_of_the_settings(name):
    assert rows()[name][0] == Settings.model_fields[name.removeprefix(SETTING).lower()].default
