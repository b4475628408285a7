"""`galenic db` and `galenic doctor` against real databases."""

import psycopg
import pytest

from fhir_server.cli.database import database, keys
from fhir_server.cli.main import main
from fhir_server.embedded.place import EmbeddedError
from fhir_server.embedded.postgres import EmbeddedPostgres
from fhir_server.settings import Settings


@pytest.fixture
def external(database, monkeypatch, data_dir):
    """The environment of an installation on its own PostgreSQL (the embedded Valkey serves as its Valkey)."""
    monkeypatch.setenv("GALENIC_DATA_DIR", str(data_dir))
    monkeypatch.setenv("GALENIC_DATABASE_URL", database.app_url)
    monkeypatch.setenv("GALENIC_DATABASE_OWNER_URL", database.superuser_url)
    monkeypatch.setenv("GALENIC_INDEX_KEY", "0" * 64)
    return database


def test_the_doctor_finds_nothing_wrong_with_a_fresh_installation(external, capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "WRONG" not in said
    for subject in ("fsync", "synchronous_commit", "roles", "indexes", "migrations", "login", "Valkey", "disk"):
        assert subject in said


def test_the_doctor_shows_no_secret(external, capsys):
    main(["doctor"])
    said = capsys.readouterr().out
    assert "0" * 64 not in said
    assert external.app_url.split(":")[2].split("@")[0] not in said


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("GRANT DELETE ON audit TO galenic_app", "DELETE on audit"),
        ("GRANT UPDATE ON history TO galenic_app", "UPDATE on history"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'search_tokens_idx'::regclass",
            "search_tokens_idx is invalid",
        ),
        ("DELETE FROM alembic_version", "pending: 0001"),
    ],
)
def test_the_doctor_finds_what_is_wrong(external, capsys, harm, told):
    with psycopg.connect(external.superuser_url) as connection:
        connection.execute(harm)
    assert main(["doctor"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert told in said


def test_the_doctor_tells_that_the_database_is_away(external, monkeypatch, capsys):
    monkeypatch.setenv("GALENIC_DATABASE_OWNER_URL", "postgresql://galenic_app@/galenic?host=/nowhere")
    assert main(["doctor"]) == 1
    assert "correct GALENIC_DATABASE_URL" in " ".join(capsys.readouterr().out.split())


def test_a_setting_that_does_not_exist_is_a_warning(external, monkeypatch, capsys):
    monkeypatch.setenv("GALENIC_PROT", "8081")
    assert main(["doctor"]) == 0
    assert "GALENIC_PROT" in capsys.readouterr().out


def test_check_passes_at_head_and_fails_on_drift(external, capsys):
    assert main(["db", "check"]) == 0
    with psycopg.connect(external.superuser_url) as connection:
        connection.execute("CREATE TABLE surprise (n int)")
    assert main(["db", "check"]) == 1
    assert "surprise" in capsys.readouterr().err


def test_an_unreachable_database_is_a_sentence_and_no_traceback(external, monkeypatch, capsys):
    monkeypatch.setenv("GALENIC_DATABASE_OWNER_URL", "postgresql://postgres@/galenic?host=/nowhere")
    assert main(["db", "upgrade"]) == 1
    assert capsys.readouterr().err.startswith("galenic: The database refused: ")


def test_upgrade_starts_the_embedded_database_migrates_it_and_lets_its_roles_log_in(data_dir, monkeypatch, capsys):
    monkeypatch.setenv("GALENIC_DATA_DIR", str(data_dir))
    assert main(["db", "check"]) == 1
    assert main(["db", "upgrade"]) == 0
    assert "Applied: 0001" in capsys.readouterr().out
    assert main(["db", "upgrade"]) == 0
    assert "Nothing to apply" in capsys.readouterr().out
    assert not EmbeddedPostgres(data_dir).is_held()


def test_a_command_uses_the_embedded_database_that_runs(data_dir):
    settings = Settings(data_dir=data_dir)
    with database(settings) as started, database(settings) as joined:
        assert joined == started
        with psycopg.connect(joined.app_url) as connection:
            assert connection.info.user == "galenic_app"
    assert not EmbeddedPostgres(data_dir).is_held()


def test_the_keys_of_a_data_folder_stay_and_those_that_are_set_win(data_dir):
    made = keys(Settings(data_dir=data_dir))
    assert keys(Settings(data_dir=data_dir)) == made
    chosen = keys(Settings(data_dir=data_dir, index_key="1" * 64, cursor_key="2" * 64))
    assert (chosen.index_key, chosen.cursor_key) == ("1" * 64, "2" * 64)


def test_hosts_with_one_index_key_agree_on_the_cursor_key(data_dir):
    one, other = (keys(Settings(data_dir=data_dir / host, index_key="1" * 64)) for host in "ab")
    assert one.cursor_key == other.cursor_key != "1" * 64


def test_an_external_database_without_an_index_key_is_refused(data_dir):
    with pytest.raises(EmbeddedError, match="GALENIC_INDEX_KEY"):
        keys(Settings(data_dir=data_dir, database_url="postgresql:///galenic"))
