"""`galenic partner`, `messages` and `map`: what an operator does about messages, and that it is recorded."""

import json
from uuid import uuid4

import psycopg
import pytest

from fhir_server.cli.main import main
from tests.builders.resources import PLACED
from tests.builders.script import a_renewal_request, schemas
from tests.running.mllp import a_message, a_patient, an_order

HOSPITAL = ("partner", "add", "county", "--name", "County", "--sender", "WARD|HOSPITAL", "--kind", "RDE^*")
ORDER = an_order("1", "N1")


@pytest.fixture
def failed(database):
    """A message of the hospital that was refused when it came."""
    with psycopg.connect(database.app_url) as connection:
        return connection.execute(
            "INSERT INTO message"
            " (id, partner, wire, direction, kind, sender, control_id, digest, raw, state, code, notes)"
            " VALUES (%s, 'county', 'mllp', 'in', 'RDE^O11', 'WARD|HOSPITAL', '1', sha256(%s), %s, 'failed', 'AE', %s)"
            " RETURNING id",
            (uuid4(), ORDER, ORDER, json.dumps([{"severity": "error", "place": "RXE-2", "text": "102: why"}])),
        ).fetchone()[0]


def rows(database, statement):
    with psycopg.connect(database.superuser_url) as connection:
        return connection.execute(statement).fetchall()


def test_a_partner_is_added_listed_and_ended_on_record(galenic, database):
    assert galenic(*HOSPITAL)[:2] == (0, "county may send RDE^* from now on")
    assert "county  active  'County'  WARD|HOSPITAL  RDE^*" in galenic("partner", "list")[1]
    assert galenic("partner", "disable", "county")[0] == 0
    assert "county  disabled" in galenic("partner", "list")[1]
    details = [detail for (detail,) in rows(database, "SELECT detail FROM audit ORDER BY number")]
    assert details == ["partner county may send RDE^*", "partner county disabled"]


def test_the_secret_of_a_partner_is_shown_once_and_not_kept(galenic, database):
    _, said, _ = galenic(*HOSPITAL, "--http")
    secret = said.splitlines()[1].removeprefix("secret: ")
    assert len(secret) == 43
    assert secret not in str(rows(database, "SELECT * FROM partner")) + str(rows(database, "SELECT * FROM audit"))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--zone", "Springfield"), "no time zone"),
        (("--network", "10.0.0.0/99"), "A network is"),
        (("--certificate", "12"), "64 hexadecimal digits"),
        (("--authority", "MRN"), "NAME=SYSTEM"),
        (("--sender", "|"), "another partner's"),
        (("--sender", "A|B|C"), "--sender 2"),
        (("--kind", "rde"), "--kind 2"),
        (("--authority", "MRN=mrn"), "--authority 'MRN'"),
        (("--authority", "MRN=urn:galenic:partner:taken:MRN"), "another partner's own"),
        (("--location", "Patient/1"), "--location 'Patient/1'"),
        (("--location", "Location/nowhere"), "there is no Location/nowhere"),
    ],
)
def test_a_partner_that_cannot_be_is_refused_with_the_reason(galenic, database, more, why):
    galenic("partner", "add", "taken", "--name", "Taken", "--sender", "|", "--kind", "*")
    code, _, complaint = galenic(*HOSPITAL, *more)
    assert code == 1
    assert why in complaint
    assert rows(database, "SELECT id FROM partner") == [("taken",)]


def test_a_partner_is_changed_where_it_is_said_to_be_and_shown(galenic, database):
    galenic(*HOSPITAL, "--zone", "America/Chicago", "--network", "10.0.0.0/8", "--http")
    secret_hash = rows(database, "SELECT secret_hash FROM partner")
    code, said, _ = galenic("partner", "change", "county", "--kind", "RDE^O11", "--kind", "ADT^*", "--network", "")
    assert code == 0
    assert galenic("partner", "show", "county")[1] == said
    assert said.splitlines() == [
        "county  active",
        "name: County",
        "sender: WARD|HOSPITAL",
        "kind: RDE^O11",
        "kind: ADT^*",
        "http: has a secret",
        "zone: America/Chicago",
    ]
    assert rows(database, "SELECT secret_hash FROM partner") == secret_hash
    (detail,) = rows(database, "SELECT detail FROM audit ORDER BY number DESC LIMIT 1")
    assert detail == ("partner county changed: kinds, networks; it may send RDE^O11, ADT^*",)


def test_a_change_is_judged_like_a_new_partner(galenic, database):
    galenic(*HOSPITAL)
    galenic("partner", "add", "other", "--name", "Other", "--sender", "OTHER|", "--kind", "*")
    before = rows(database, "SELECT * FROM partner ORDER BY id")
    for words, why in (
        (("--sender", "OTHER|"), "another partner's"),
        (("--sender", ""), "has a sender"),
        (("--authority", "MRN=mrn"), "--authority 'MRN'"),
        ((), "Nothing is to be changed"),
    ):
        code, _, complaint = galenic("partner", "change", "county", *words)
        assert (code, why in complaint) == (1, True), complaint
    assert rows(database, "SELECT * FROM partner ORDER BY id") == before
    galenic("partner", "disable", "county")
    assert "no partner county" in galenic("partner", "change", "county", "--name", "New")[2]
    assert "no partner nobody" in galenic("partner", "show", "nobody")[2]
    assert galenic("partner", "show", "county")[1].startswith("county  disabled")


def test_messages_are_listed_and_shown_and_looking_is_on_record(galenic, database, failed):
    assert f"{failed}" in galenic("messages", "list", "--state", "failed", "--partner", "county")[1]
    assert galenic("messages", "list", "--kind", "ADT^A04")[1] == ""
    _, shown, _ = galenic("messages", "show", str(failed))
    assert "error: RXE-2: 102: why" in shown
    assert "RXE||00093310905" in shown
    assert rows(database, "SELECT detail FROM audit") == [(f"message {failed} of partner county looked at",)]


def test_a_failed_message_is_processed_again_and_once(galenic, database, failed):
    galenic(*HOSPITAL)
    code, answer, _ = galenic("messages", "replay", str(failed))
    assert code == 0
    assert "MSA|AA|1" in answer
    assert rows(database, "SELECT state, code, attempts FROM message") == [("answered", "AA", 2)]
    assert galenic("messages", "replay", str(failed))[1] == answer
    assert rows(
        database,
        "SELECT count(*) FROM directory d JOIN resource_type t ON t.number = d.type WHERE t.name = 'MedicationRequest'",
    ) == [(1,)]


@pytest.mark.parametrize(("before", "after"), [("dead", "mapped"), ("failed", "mapped"), ("answered", "answered")])
def test_what_did_not_leave_is_sent_again_and_never_processed_as_if_it_came_in(
    galenic, database, failed, before, after
):
    galenic(*HOSPITAL)
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("UPDATE message SET direction = 'out', state = %s", (before,))
    assert galenic("messages", "replay", str(failed))[0] == (0 if before != after else 1)
    assert rows(database, "SELECT direction, state FROM message") == [("out", after)]


@pytest.mark.parametrize(
    "words", [("messages", "show", "x"), ("messages", "show", str(uuid4())), ("messages", "replay", str(uuid4()))]
)
def test_a_message_that_is_not_there_is_said_not_to_be(galenic, words):
    code, _, complaint = galenic(*words)
    assert code == 1
    assert complaint.startswith("galenic: ")


@pytest.fixture
def mapped(tmp_path, capsys):
    """What `galenic map` makes of bytes."""

    def run(raw, *words):
        file = tmp_path / "message"
        file.write_bytes(raw)
        code = main(["map", str(file), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_mapping_is_shown_with_its_notes_and_reasons_and_the_same_each_time(mapped):
    code, bundle, said = mapped(ORDER, "--reasons")
    assert code == 0
    types = [entry["resource"]["resourceType"] for entry in json.loads(bundle)["entry"]]
    assert {"Patient", "MedicationRequest", "Provenance", "MessageHeader"} <= set(types)
    assert "from" in said
    again = json.loads(mapped(ORDER)[1])
    assert [entry["fullUrl"] for entry in again["entry"]] == [entry["fullUrl"] for entry in json.loads(bundle)["entry"]]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"neither", "neither HL7 v2"),
        (ORDER + ORDER, "2 messages"),
        (b"{}", "which message it is to become"),
        (a_message("SIU^S12", "1", a_patient("1")), "MSH-9"),
        (b"<Message/>", "no Header or no Body"),
    ],
)
def test_what_cannot_be_mapped_is_refused_with_its_place(mapped, raw, why):
    code, bundle, said = mapped(raw)
    assert (code, bundle) == (1, "")
    assert why in said


def test_fhir_is_written_as_a_message_and_what_is_missing_is_said(mapped):
    ends = ("--partner", "county", "--sender", "GALENIC|PHARMACY", "--receiver", "WARD|HOSPITAL")
    code, message, said = mapped(json.dumps(PLACED).encode(), "--to", "hl7v2-rde", *ends)
    assert code == 0
    header, *segments = message.split("\r")
    assert header.startswith("MSH|^~\\&|GALENIC|PHARMACY|WARD|HOSPITAL|")
    assert "ORC|NW|A1^OE" in segments
    assert "RXE_3" in said
    code, message, said = mapped(json.dumps(PLACED).encode(), "--to", "script-2023011", "--kind", "NewRx")
    assert code == 0
    assert "<DrugDescription>a drug</DrugDescription>" in message


@pytest.mark.parametrize(
    ("raw", "words", "why"),
    [
        (ORDER, ("--to", "hl7v2-rde"), "Only FHIR"),
        (json.dumps(PLACED).encode(), ("--to", "hl7v2-rds"), "no MedicationDispense"),
        (json.dumps(PLACED | {"status": "draft"}).encode(), ("--to", "hl7v2-rde"), "ORC-1"),
        (json.dumps(PLACED | {"status": "new"}).encode(), ("--to", "hl7v2-rde"), "MedicationRequest.status"),
    ],
)
def test_what_cannot_be_written_is_refused_with_its_place(mapped, raw, words, why):
    code, message, said = mapped(raw, *words)
    assert (code, message) == (1, "")
    assert why in said


def test_script_waits_in_the_mailbox_of_its_partner(galenic, database, tmp_path):
    galenic("partner", "add", "clinic", "--name", "Clinic", "--sender", "P:1400010", "--kind", "NewRx", "--http")
    file = tmp_path / "request.xml"
    file.write_bytes(a_renewal_request(to="1400011"))
    assert "Header/To" in galenic("messages", "send", "clinic", str(file))[2]
    file.write_bytes(a_renewal_request())
    assert galenic("messages", "send", "clinic", str(file))[0] == 0
    assert "was sent before" in galenic("messages", "send", "clinic", str(file))[2]
    kept = rows(database, "SELECT direction, wire, state, partner, raw FROM message")
    assert kept == [("out", "script", "mapped", "clinic", a_renewal_request())]


def test_what_is_written_is_judged_by_the_schemas_of_the_installation(mapped, tmp_path, monkeypatch):
    request = a_renewal_request()
    assert "was not verified against the licensed schema" in mapped(request, "--to", "script-2023011")[2]
    assert "was not verified" not in mapped(request, "--to", "script-2017071")[2]
    schemas(tmp_path, needed=1)
    monkeypatch.setenv("GALENIC_SCRIPT_XSD_DIR", str(tmp_path))
    code, written, said = mapped(request, "--to", "script-2017071")
    assert (code, bool(written)) == (0, True)
    assert "the schema does not allow this" in said
    code, _, said = mapped(request, "--to", "script-2023011")
    assert code == 1
    assert "2023011" in said


def test_a_server_does_not_start_with_schemas_that_cannot_be_used(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GALENIC_SCRIPT_XSD_DIR", str(tmp_path))
    assert main(["serve"]) == 1
    assert "no folder of a version" in capsys.readouterr().err


def test_a_message_is_sent_only_where_it_is_right_and_once(galenic, database, tmp_path):
    galenic(*HOSPITAL, "--address", "mllp://127.0.0.1:1")
    file = tmp_path / "message.hl7"
    file.write_bytes(b"MSH|^~\\&|GALENIC|PHARMACY|WARD|HOSPITAL|20261121||ADT^A31^ADT_A05|7|P|2.5\rPID|1\r")
    code, _, complaint = galenic("messages", "send", "county", str(file))
    assert code == 1
    assert "is not as HL7 v2 2.5 has it" in complaint
    right = "MSH|^~\\&|GALENIC|PHARMACY|WARD|HOSPITAL|20261121||ACK^A01^ACK|7|P|2.5\rMSA|AA|1\r"
    file.write_bytes(right.encode())
    code, said, _ = galenic("messages", "send", "county", str(file))
    assert code == 0, said
    assert "waits for county" in said
    assert "was sent before" in galenic("messages", "send", "county", str(file))[2]
    assert "no partner nobody" in galenic("messages", "send", "nobody", str(file))[2]
    assert rows(database, "SELECT direction, state, partner FROM message") == [("out", "mapped", "county")]
