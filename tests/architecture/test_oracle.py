"""The oracle of search is independent: it imports nothing of the product, nor of tests that do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ORACLE = Path(__file__).parents[1] / "oracle"
SOURCES = sorted(ORACLE.rglob("*.py"))
PRODUCT = {"fhir_server", "mappers", "subscriptions", "integrations", "terminology"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ORACLE)))
def test_the_oracle_knows_nothing_of_the_product(path: Path) -> None:
    modules = set(imported(path))
    assert {module for module in modules if module.partition(".")[0] in PRODUCT} == set()
    assert {
        module for module in modules if module.startswith("tests") and not module.startswith("tests.oracle")
    } == set()


def test_there_is_an_oracle() -> None:
    assert SOURCES
