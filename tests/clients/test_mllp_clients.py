"""Senders of HL7 v2 as their registries have them: `mllp_send` and hl7.mllp of PyPI, three of npm (H1)."""

import pytest

from tests.running.mllp import a_message, a_partner, a_patient, an_order, fields, verdict


@pytest.fixture(scope="module")
def port(pharmacy):
    """Where partners send to; one of them leaves its name out."""
    a_partner(pharmacy.galenic)
    a_partner(pharmacy.galenic, id="nameless", senders=["|"])
    pharmacy.galenic.start_listener()
    return pharmacy.galenic.mllp.getsockname()[1]


def messages(name):
    """An order and an admission, each of a version and a sender of its own."""
    admission = a_message("ADT^A04", f"{name}-2", a_patient(name), "PV1|1|O", sender="|", version="2.3")
    return [an_order(f"{name}-1", f"{name}-order", mrn=name).decode(), admission.decode()]


def accepted(name, answers):
    told = [(verdict(answer.encode()), fields(answer.encode(), "MSA")[2]) for answer in answers]
    return told == [(("AA", ""), f"{name}-1"), (("AA", ""), f"{name}-2")]


def arrived(pharmacy, name):
    with pharmacy.system() as client:
        orders = client.get(f"/MedicationRequest?identifier={name}-order").json()["entry"]
        patients = client.get(f"/Patient?identifier={name}").json()["entry"]
    return (len(orders), len(patients)) == (1, 2)  # two partners' record numbers are not the same


def test_mllp_send_gets_an_acknowledgement_of_each_message_of_a_file(pharmacy, port, tmp_path):
    file = tmp_path / "messages.hl7"
    file.write_text("".join(messages("send")), newline="")
    program = pharmacy.clients.python.parent / "mllp_send"
    said = pharmacy.run([program, "--file", str(file), "--loose", "--port", str(port), "127.0.0.1"])
    assert said.count("MSA|AA|") == 2
    assert arrived(pharmacy, "send")


@pytest.mark.parametrize("program", ["medplum_hl7.mjs", "node_hl7_client.mjs"])
def test_clients_of_node_get_their_acknowledgements(pharmacy, port, program):
    name = program.partition("_")[0]
    saw = pharmacy.node(program, port=port, messages=messages(name))
    assert accepted(name, saw["answers"])
    assert arrived(pharmacy, name)


def test_simple_hl7_gets_them_and_is_told_what_its_short_header_lacks(pharmacy, port):
    saw = pharmacy.node("simple_hl7.mjs", port=port, messages=messages("simple"))
    assert accepted("simple", saw["answers"])
    assert arrived(pharmacy, "simple")
    assert verdict(saw["incomplete"].encode())[0] == "AR"


def test_hl7_mllp_gets_them_though_it_ends_its_frames_otherwise(pharmacy, port):
    saw = pharmacy.python("hl7_mllp.py", port=port, messages=messages("loop"))
    assert accepted("loop", saw["answers"])
    assert arrived(pharmacy, "loop")
