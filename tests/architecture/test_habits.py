"""Habits of the tree that no linter knows. Layers are import-linter's (`make lint`)."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("fhir_server", "mappers", "integrations", "subscriptions", "terminology")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
FORBIDDEN_NAMES = {"utils", "helpers", "helper", "service", "services", "manager", "base", "common", "misc"}
LINES_MAX = 500
SECRET = re.compile(r"(password|secret|token)\s*=\s*[\"'][A-Za-z0-9+/=_-]{12,}[\"']", re.IGNORECASE)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_fits_its_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES_MAX


def test_no_file_has_a_name_that_attracts_everything() -> None:
    assert [path for path in SOURCES if path.stem in FORBIDDEN_NAMES] == []


def test_alembic_has_no_package_marker() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_no_secret_is_written_into_code() -> None:
    assert [path for path in SOURCES if SECRET.search(path.read_text())] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_it_is(package: str) -> None:
    for marker in (ROOT / package).rglob("__init__.py"):
        assert marker.read_text().startswith('"""'), marker
