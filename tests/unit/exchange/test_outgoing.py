"""What may leave: by HL7 v2's grammar, by SCRIPT's rules, and by SCRIPT's schema where an installation has it."""

from pathlib import Path

import pytest

from fhir_server.errors import Invalid, NotSupported
from fhir_server.exchange.outgoing import leaving
from fhir_server.exchange.partners import Partner
from fhir_server.exchange.schemas import Schemas, SchemasUnusable
from tests.builders.script import a_renewal_request, schemas

PHARMACY = Partner("pharmacy", "Pharmacy", ["P:1400010"], ["*"], secret_hash="x")
HOSPITAL = Partner("county", "County", ["WARD|HOSPITAL"], ["*"], address="mllp://127.0.0.1:1")


def test_script_waits_for_the_party_it_is_to() -> None:
    going = leaving(a_renewal_request(), PHARMACY, None)
    assert (going.wire, going.kind, going.sender) == ("script", "RxRenewalRequest", "P:7654321")
    assert (going.control_id, going.partner) == ("OUT-1", "pharmacy")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (a_renewal_request(to="1400011"), "Header/To"),
        (a_renewal_request(quantity="0"), "Quantity/Value"),
        (a_renewal_request(version="10.6"), "10.6"),
        (b"<Message/>", "Header"),
    ],
)
def test_script_that_its_partner_would_refuse_does_not_leave(raw: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        leaving(raw, PHARMACY, None)


def test_hl7_v2_needs_an_address_and_script_a_partner_that_fetches_it() -> None:
    ack = b"MSH|^~\\&|GALENIC|PHARMACY|WARD|HOSPITAL|20261121||ACK^A01^ACK|7|P|2.5\rMSA|AA|1\r"
    assert leaving(ack, HOSPITAL, None).wire == "mllp"
    with pytest.raises(Invalid, match="no address"):
        leaving(ack, PHARMACY, None)
    with pytest.raises(Invalid, match="Header/To"):
        leaving(a_renewal_request(), HOSPITAL, None)
    with pytest.raises(NotSupported):
        leaving(b"Dear pharmacist", PHARMACY, None)
    with pytest.raises(NotSupported, match="galenic map --to"):
        leaving(b'{"resourceType": "Bundle"}', PHARMACY, None)


def test_what_the_schema_allows_leaves(tmp_path: Path) -> None:
    assert leaving(a_renewal_request(), PHARMACY, schemas(tmp_path)).control_id == "OUT-1"


def test_what_the_schema_does_not_allow_does_not_leave_and_no_value_is_repeated(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Body/RxRenewalRequest: the schema does not allow this") as caught:
        leaving(a_renewal_request(), PHARMACY, schemas(tmp_path, needed=1))
    assert "Okafor" not in caught.value.message


def test_a_version_without_a_schema_is_not_sent_unjudged(tmp_path: Path) -> None:
    with pytest.raises(SchemasUnusable, match="2017071"):
        leaving(a_renewal_request(), PHARMACY, schemas(tmp_path, version="2023011"))


def test_schemas_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(SchemasUnusable, match="no folder of a version"):
        Schemas(tmp_path).check()
    made = schemas(tmp_path)
    made.check()
    (tmp_path / "2017071" / "parts.xsd").write_text("<xs:schema")
    with pytest.raises(SchemasUnusable, match=r"parts\.xsd"):
        Schemas(tmp_path).check()
    (tmp_path / "2017071" / "parts.xsd").unlink()
    with pytest.raises(SchemasUnusable, match=r"transport\.xsd"):
        Schemas(tmp_path).check()
