"""What tests of commands may ask for."""

import pytest

from fhir_server.cli.main import main
from tests.running.galenic import CURSOR_KEY, INDEX_KEY


@pytest.fixture
def galenic(database, monkeypatch, capsys):
    """Runs a command on the test's database; returns its exit code and what it printed."""
    monkeypatch.setenv("GALENIC_DATABASE_URL", database.app_url)
    monkeypatch.setenv("GALENIC_INDEX_KEY", INDEX_KEY)
    monkeypatch.setenv("GALENIC_CURSOR_KEY", CURSOR_KEY)

    def run(*words):
        code = main([*words])
        said = capsys.readouterr()
        return code, said.out.strip(), said.err.strip()

    return run
