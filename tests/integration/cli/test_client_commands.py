"""`galenic client` and `galenic keys`: what an operator does about apps and systems, and that it is recorded."""

import json

import psycopg
import pytest
from joserfc.jwk import ECKey

from fhir_server.cli import demo
from fhir_server.cli.main import main
from fhir_server.settings import Settings

INDEX_KEY = "1d" * 32


@pytest.fixture
def galenic(database, monkeypatch, capsys):
    """Runs a command on the test's database; returns its exit code and what it printed."""
    monkeypatch.setenv("GALENIC_DATABASE_URL", database.app_url)
    monkeypatch.setenv("GALENIC_INDEX_KEY", INDEX_KEY)

    def run(*words):
        code = main([*words])
        said = capsys.readouterr()
        return code, said.out.strip(), said.err.strip()

    return run


def rows(database, statement):
    with psycopg.connect(database.superuser_url) as connection:
        return connection.execute(statement).fetchall()


APP = ("client", "add", "--name", "An app", "--redirect-uri", "https://app.example.org/cb", "--scope", "patient/*.rs")
SYSTEM = ("client", "add", "--name", "A system", "--kind", "confidential-asymmetric", "--scope", "system/*.rs")


def test_an_app_is_registered_listed_rotated_and_disabled(galenic, database):
    code, said, _ = galenic(*APP, "--kind", "confidential-symmetric", "--id", "my-app")
    assert (code, said.splitlines()[0]) == (0, "client_id: my-app")
    secret = said.splitlines()[1].removeprefix("client_secret: ")
    assert len(secret) == 43
    assert "my-app  confidential-symmetric  -  active" in galenic("client", "list")[1]
    _, rotated, _ = galenic("client", "rotate", "my-app")
    assert rotated.startswith("client_secret: ")
    assert secret not in rotated
    assert galenic("client", "disable", "my-app")[0] == 0
    assert "disabled" in galenic("client", "list")[1]
    details = [detail for (detail,) in rows(database, "SELECT detail FROM audit ORDER BY number")]
    assert details == [
        "client my-app registered for patient/*.rs",
        "client my-app has another secret",
        "client my-app disabled",
    ]
    assert secret not in str(rows(database, "SELECT * FROM client")) + str(rows(database, "SELECT * FROM audit"))


def test_the_pages_of_an_app_are_its_origins(galenic, database):
    galenic(*APP, "--kind", "public", "--redirect-uri", "http://localhost:9000/cb", "--redirect-uri", "com.example:/cb")
    assert rows(database, "SELECT origins FROM client") == [(["https://app.example.org", "http://localhost:9000"],)]


def test_a_system_is_registered_with_its_keys_and_gets_a_token(galenic, database, tmp_path):
    key = ECKey.generate_key("P-384", auto_kid=True)
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [{**key.as_dict(private=False), "kid": key.kid}]}))
    assert galenic(*SYSTEM, "--role", "integration", "--jwks", str(file), "--id", "system")[0] == 0
    code, token, _ = galenic("client", "token", "system", "--scope", "system/Patient.read", "--seconds", "60")
    assert (code, len(token)) == (0, 43)
    found = rows(database, "SELECT scopes, extract(epoch FROM expires - created)::int FROM access_token")
    assert found == [("system/Patient.read", 60)]
    assert galenic("client", "rotate", "system", "--jwks-uri", "https://system.example.org/jwks")[0] == 0
    assert rows(database, "SELECT jwks, jwks_uri FROM client") == [(None, "https://system.example.org/jwks")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*APP, "--kind", "public", "--redirect-uri", "http://app.example.org/cb"), "cannot be a redirect_uri"),
        ((*APP, "--kind", "public", "--redirect-uri", "javascript:alert(1)"), "cannot be a redirect_uri"),
        ((*APP, "--kind", "public", "--redirect-uri", "https://a.example/cb#x"), "cannot be a redirect_uri"),
        ((*APP, "--kind", "public", "--redirect-uri", "https://a@b.example/cb"), "cannot be a redirect_uri"),
        ((*APP, "--kind", "public", "--id", "a b"), "A client id"),
        ((*APP, "--kind", "public", "--role", "integration"), "A role is"),
        ((*APP, "--kind", "public", "--introspect"), "cannot prove who it is"),
        ((*APP, "--kind", "confidential-asymmetric"), "JWKS"),
        ((*APP, "--kind", "public", "--scope", "patient/Nonsense.rs"), "no scope patient/Nonsense.rs"),
        ((*SYSTEM, "--role", "integration", "--jwks", "/nowhere"), "cannot be read"),
        ((*SYSTEM, "--jwks-uri", "https://a.example/jwks"), "redirect_uri for people"),
        (("client", "rotate", "nobody"), "no client nobody"),
        (("client", "disable", "nobody"), "no client nobody"),
        (("client", "token", "nobody"), "no system nobody"),
        (("client", "launch", "nobody", "--user", "Practitioner/1"), "no client nobody"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(galenic, words, said):
    code, _, told = galenic(*words)
    assert (code, said in told) == (1, True), told


def test_a_client_id_is_given_once(galenic):
    assert galenic(*APP, "--kind", "public", "--id", "twice")[0] == 0
    assert "is taken" in galenic(*APP, "--kind", "public", "--id", "twice")[2]


def test_a_launch_is_made_for_one_app_and_one_user(galenic, database):
    galenic(*APP, "--kind", "public", "--id", "app", "--launch-uri", "https://app.example.org/launch")
    code, said, _ = galenic("client", "launch", "app", "--user", "Practitioner/1", "--patient", "7", "--no-banner")
    assert code == 0
    assert "url: https://app.example.org/launch?iss=" in said
    found = rows(database, "SELECT client_id, actor, context FROM launch")
    assert found == [("app", "Practitioner/1", {"patient": "7", "need_patient_banner": False})]
    assert "is a reference" in galenic("client", "launch", "app", "--user", "somebody")[2]


def test_keys_rotate_from_next_to_active_to_retired(galenic, database):
    galenic("keys", "rotate")
    first = dict(rows(database, "SELECT state, id FROM signing_key"))
    assert set(first) == {"active", "next"}
    galenic("keys", "rotate")
    second = dict(rows(database, "SELECT state, id FROM signing_key"))
    assert (second["retired"], second["active"]) == (first["active"], first["next"])
    listed = galenic("keys", "list")[1]
    assert [line.split()[1] for line in listed.splitlines()] == ["retired", "active", "next"]


def test_private_keys_are_stored_encrypted(galenic, database):
    galenic("keys", "rotate")
    for sealed, public in rows(database, "SELECT private_key, public_jwk FROM signing_key"):
        assert b"\x02\x82" not in sealed[:40]  # what an RSA key in DER begins with
        assert set(public) == {"kty", "n", "e", "kid", "use", "alg"}


def test_the_demo_is_registered_once_with_a_key_only_its_owner_can_read(database, tmp_path, monkeypatch):
    monkeypatch.setenv("GALENIC_INDEX_KEY", INDEX_KEY)
    settings = Settings(data_dir=tmp_path)
    demo.prepare(settings, database.app_url)
    key = (tmp_path / demo.KEY_FILE).read_text()
    demo.prepare(settings, database.app_url)
    assert (tmp_path / demo.KEY_FILE).read_text() == key
    assert (tmp_path / demo.KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert rows(database, "SELECT id FROM client ORDER BY id") == [("demo-app",), ("demo-backend",)]
    assert json.loads(key)["d"] not in str(rows(database, "SELECT * FROM client"))


def test_production_does_not_start_with_the_demo(database, tmp_path, monkeypatch):
    monkeypatch.setenv("GALENIC_INDEX_KEY", INDEX_KEY)
    with pytest.raises(demo.CommandFailed, match="https"):
        demo.refuse_in_production(Settings(env="production", demo=False), database.app_url)
    monkeypatch.setenv("GALENIC_BASE_URL", "https://fhir.example.org/fhir")
    embedded = Settings(data_dir=tmp_path, env="production")
    with pytest.raises(demo.CommandFailed, match="GALENIC_DEMO=false"):
        demo.refuse_in_production(embedded, database.app_url)
    outside = Settings(data_dir=tmp_path, env="production", database_url=database.app_url)
    demo.refuse_in_production(outside, database.app_url)
    demo.prepare(Settings(data_dir=tmp_path), database.app_url)
    with pytest.raises(demo.CommandFailed, match="demo-app, demo-backend"):
        demo.refuse_in_production(outside, database.app_url)


def test_private_addresses_are_not_opened_in_production(monkeypatch, capsys):
    monkeypatch.setenv("GALENIC_ENV", "production")
    monkeypatch.setenv("GALENIC_OUTBOUND_ALLOW_PRIVATE", "1")
    assert main(["client", "list"]) == 1
    assert "GALENIC_OUTBOUND_ALLOW_PRIVATE" in capsys.readouterr().err
