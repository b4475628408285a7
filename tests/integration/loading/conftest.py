"""`galenic load` on a database of the test's own."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from fhir_server.cli.main import main
from tests.conftest import Database
from tests.running.galenic import CURSOR_KEY, INDEX_KEY


class Loader:
    """Runs the command in this process; `said` is what the last run told."""

    def __init__(self, database: Database, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.database = database
        self.folder = folder
        self.said = ""
        self._capsys = capsys

    def __call__(self, *files: Path) -> int:
        code = main(["load", *map(str, files)])
        captured = self._capsys.readouterr()
        self.said = captured.out + captured.err
        return code

    def ndjson(self, *resources: dict | str, name: str = "resources.ndjson") -> Path:
        """A file with a line for each resource; a text is a line as it stands."""
        lines = (one if isinstance(one, str) else json.dumps(one) for one in resources)
        return self.file(name, "".join(line + "\n" for line in lines).encode())

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def rows(self, statement: str, *values: str) -> list[tuple]:
        with psycopg.connect(self.database.superuser_url) as connection:
            return connection.execute(statement, values).fetchall()

    def resource(self, key: str) -> dict:
        type_name, _, resource_id = key.partition("/")
        found = "SELECT body FROM resource JOIN resource_type ON number = type WHERE name = %s AND id = %s"
        ((body,),) = self.rows(found, type_name, resource_id)
        return json.loads(body)

    def stored(self) -> list[str]:
        joined = (
            "SELECT name || '/' || id FROM resource JOIN resource_type ON number = type ORDER BY name, id COLLATE \"C\""
        )
        return [key for (key,) in self.rows(joined)]


@pytest.fixture
def load(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Loader:
    monkeypatch.setenv("GALENIC_DATABASE_URL", database.app_url)
    monkeypatch.setenv("GALENIC_DATABASE_OWNER_URL", database.owner_url)
    monkeypatch.setenv("GALENIC_INDEX_KEY", INDEX_KEY)
    monkeypatch.setenv("GALENIC_CURSOR_KEY", CURSOR_KEY)
    monkeypatch.setattr("fhir_server.cli.load.WORKERS", 1)  # one is enough here, and starts sooner
    return Loader(database, tmp_path, capsys)


@pytest.fixture
def patient() -> Callable[..., dict]:
    def make(resource_id: str, **elements: object) -> dict:
        return {"resourceType": "Patient", "id": resource_id, "active": True, **elements}

    return make
