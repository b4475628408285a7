"""docs/settings.md and docs/cli.md say what the code says."""

import re
from pathlib import Path

import pytest

from fhir_server.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
UNIT = re.compile(r"\(([^()]|\([^()]*\))+\)$")
VERBS = ("galenic serve", "galenic load", "galenic doctor", "galenic db upgrade", "galenic db check")


def row(name, field):
    default = (
        ""
        if field.default in (None, "")
        else f"`{str(field.default).lower() if field.default is True else field.default}`"
    )
    return f"| `GALENIC_{name.upper()}` | {field.description} | {default} |"


def test_the_table_of_settings_has_each_one_as_the_code_has_it_and_no_other():
    documented = [line for line in (DOCS / "settings.md").read_text().splitlines() if line.startswith("| `GALENIC_")]
    assert documented == [row(name, field) for name, field in Settings.model_fields.items()]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_is_described_with_its_unit(name):
    assert UNIT.search(Settings.model_fields[name].description)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_a_section(verb):
    assert f"## `{verb}" in (DOCS / "cli.md").read_text()


def test_every_setting_named_in_the_operations_page_exists():
    known = {f"GALENIC_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"GALENIC_[A-Z_]+", (DOCS / "operations.md").read_text() + (DOCS / "cli.md").read_text()))
    assert named <= known
