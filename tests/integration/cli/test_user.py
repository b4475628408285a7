"""`galenic user`, and the people of the demo."""

import io
import json
import stat

import psycopg
import pytest

from fhir_server.cli import demo, demo_people
from fhir_server.cli.database import CommandFailed
from fhir_server.cli.main import main, parser
from fhir_server.identity.transactions import Transactions
from fhir_server.settings import Settings
from tests.builders.people import PASSWORD, RESOURCES, records, there_are

AMARA = ("user", "add", "amara", "--name", "Amara Fenwick", "--role", "patient", "--fhir-user", "Patient/p1")
MARA = ("user", "add", "mara", "--name", "Mara", "--role", "pharmacist", "--fhir-user", "Practitioner/d1")


@pytest.fixture
def galenic(database, monkeypatch, capsys):
    """Runs a command on the test's database, with what is piped in; returns exit code and what it printed."""
    monkeypatch.setenv("GALENIC_DATABASE_URL", database.app_url)
    monkeypatch.setenv("GALENIC_INDEX_KEY", "1d" * 32)
    there_are(database.app_url, *RESOURCES)

    def run(*words, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = main([*words])
        said = capsys.readouterr()
        return code, said.out.strip(), said.err.strip()

    return run


def test_a_person_is_added_listed_disabled_and_enabled(galenic, database):
    assert galenic(*AMARA, typed=f"{PASSWORD}\n") == (0, "amara may log in as patient", "")
    assert galenic("user", "list")[1] == "amara  patient  Patient/p1  active  'Amara Fenwick'  p1"
    assert galenic("user", "disable", "amara")[0] == 0
    assert "disabled" in galenic("user", "list")[1]
    assert galenic("user", "enable", "AMARA")[0] == 0
    assert "active" in galenic("user", "list")[1]
    found = records(database.app_url, "actor", "client", "detail", interaction="access-control")
    assert all(actor.startswith("operator/") and client == "galenic-cli" for actor, client, _ in found)
    assert [detail for _, _, detail in found] == [
        "person amara: added as patient Patient/p1", "person amara: disabled", "person amara: enabled",
    ]  # fmt: skip


def test_a_generated_password_is_printed_once_and_stored_as_a_hash(galenic, database):
    code, said, _ = galenic(*MARA, "--generate")
    assert code == 0
    assert "The first login begins with setting up a second factor" in said
    password = next(line for line in said.splitlines() if line.startswith("password: ")).removeprefix("password: ")
    with psycopg.connect(database.app_url) as connection:
        (stored,) = connection.execute("SELECT password_hash FROM person").fetchone()
    assert stored.startswith("$argon2id$")
    assert password not in str(records(database.app_url, "detail")) + stored


def test_who_logs_in_elsewhere_needs_no_password(galenic, database):
    assert galenic(*AMARA, "--no-password")[0] == 0
    with psycopg.connect(database.app_url) as connection:
        assert connection.execute("SELECT password_hash FROM person").fetchone() == (None,)
    code, said, _ = galenic("user", "link", "amara", "--issuer", "https://idp.example", "--subject", "s-1")
    assert (code, said) == (0, "amara may log in at https://idp.example")


@pytest.mark.parametrize(
    ("words", "typed", "told"),
    [
        (AMARA, "short\n", "12 to 200 characters"),
        (AMARA, "", "12 to 200 characters"),
        ((*AMARA[:-1], "Patient/p9"), PASSWORD, "There is no Patient/p9 on this server"),
        ((*AMARA, "--patient", "p2"), PASSWORD, "A patient is linked to the own record"),
        (("user", "disable", "nobody"), "", "Nobody has the login nobody"),
        (("user", "link", "nobody", "--issuer", "idp", "--subject", "s"), "", "An issuer is a URL"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(galenic, words, typed, told):
    code, _, complained = galenic(*words, typed=typed)
    assert code == 1
    assert told in complained


def test_reset_and_unlock_say_what_they_did(galenic):
    galenic(*AMARA, typed=PASSWORD)
    assert galenic("user", "reset", "amara", "--keep-password")[1] == "amara was logged out everywhere"
    assert "password: " in galenic("user", "reset", "amara", "--generate")[1]
    assert galenic("user", "unlock", "amara")[1] == "amara may try again"


def test_a_password_is_no_argument():
    with pytest.raises(SystemExit):
        parser().parse_args([*AMARA, "--password", PASSWORD])


class TestDemo:
    @pytest.fixture
    def settings(self, database, data_dir):
        data_dir.mkdir()
        there_are(database.app_url, *{new.fhir_user for new in demo_people.PEOPLE}, "Patient/demo-patient-6")
        return Settings(data_dir=data_dir, index_key="1d" * 32)

    def test_its_people_are_added_once_with_passwords_nobody_chose(self, settings, database, capsys):
        demo_people.prepare(settings, database.app_url)
        file = settings.data_dir / demo_people.FILE
        made = json.loads(file.read_text())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert made.keys() == {new.login for new in demo_people.PEOPLE}
        assert len(set(made.values())) == len(made)
        demo_people.prepare(settings, database.app_url)
        assert json.loads(file.read_text()) == made
        demo_people.greet(settings)
        said = capsys.readouterr().out
        assert all(f"{login}, password {password}" in said for login, password in made.items())

    def test_whose_resource_was_deleted_is_left_out(self, settings, database, capsys):
        with psycopg.connect(database.app_url) as connection:
            connection.execute("UPDATE resource SET body = NULL WHERE id = 'demo-patient-1'")
        demo_people.prepare(settings, database.app_url)
        assert "demo-patient was not added" in capsys.readouterr().err

    def test_production_refuses_a_database_in_which_they_are(self, settings, database):
        demo_people.prepare(settings, database.app_url)
        production = settings.model_copy(
            update={"env": "production", "demo": False, "base_url": "https://x.example/fhir"}
        )
        with pytest.raises(CommandFailed, match="demo-patient"):
            demo.refuse_in_production(production, database.app_url)
        transactions = Transactions(database.app_url)
        transactions.open()
        with transactions.begin() as transaction:
            transaction.execute("UPDATE person SET disabled = true")
        transactions.close()
        demo.refuse_in_production(production, database.app_url)
