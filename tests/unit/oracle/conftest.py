"""The official search parameters, for tests marked `corpus`."""

from pathlib import Path

import pytest

from tests.oracle.definitions import PACKAGE, Definitions, load


@pytest.fixture(scope="session")
def definitions(corpus: Path) -> Definitions:
    return load(corpus / PACKAGE)
