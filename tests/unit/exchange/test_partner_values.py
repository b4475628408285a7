"""What a partner may be configured with, and what its messages are mapped with."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from fhir_server.errors import Invalid
from fhir_server.exchange import partner_values as values
from fhir_server.exchange.partners import Partner

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MESSAGE = UUID("0b1c2d3e-0000-4000-8000-00000000abcd")


def hospital(**more: str) -> Partner:
    return Partner("county", "County", ["WARD|HOSPITAL"], ["*"], **more)


@pytest.mark.parametrize("sender", ["WARD|HOSPITAL", "|", "WARD|", "a b|c", "D:1234567890", "ZZZ:x-1", "6557744"])
def test_a_sender_is_known_by_its_header(sender: str) -> None:
    values.check_senders([sender])


@pytest.mark.parametrize("sender", ["", "A|B|C", "A|B\n", "A|\x1b[2J", "D:1\n", "D:1 2", "A||B"])
def test_a_sender_that_no_message_has_is_refused_with_its_place(sender: str) -> None:
    with pytest.raises(Invalid) as caught:
        values.check_senders(["WARD|HOSPITAL", sender])
    assert caught.value.message.startswith("--sender 2")
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("kind", ["*", "RDE^O11", "ADT^*", "ADT^A*", "ACK", "NewRx", "Rx*", "Status"])
def test_a_kind_is_one_of_a_standard(kind: str) -> None:
    values.check_kinds([kind])


@pytest.mark.parametrize("kind", ["", "**", "rde^o11", "RDE^O11^RDE_O11", "NewRX", "Qx*", "RDE^O11\n", "NewRx "])
def test_a_kind_of_no_standard_is_refused_with_its_place(kind: str) -> None:
    with pytest.raises(Invalid, match=r"--kind 2"):
        values.check_kinds(["RDE^O11", kind])


@pytest.mark.parametrize("system", ["http://county.example/mrn", "urn:oid:1.2.3", "urn:galenic:partner:county:MRN"])
def test_an_authority_is_an_absolute_uri(system: str) -> None:
    values.check_authorities("county", {"MRN": system})


NO_SYSTEMS = ("mrn", "//county.example/mrn", "http://county example", "http://a\n")
OF_OTHERS = ("urn:galenic:partner:other:MRN", "URN:galenic:partner:other", "urn:galenic:partner:county2")


@pytest.mark.parametrize("system", [*NO_SYSTEMS, *OF_OTHERS, "urn:galenic:partner"])
def test_an_authority_that_is_no_uri_or_another_partners_own_is_refused_with_its_place(system: str) -> None:
    with pytest.raises(Invalid, match=r"--authority 'MRN'"):
        values.check_authorities("county", {"OK": "urn:oid:1.2.3", "MRN": system})


@pytest.mark.parametrize("location", ["", "Location/1", "Organization/a-b.c", "Location/1 Organization/1"])
def test_what_a_partner_sends_belongs_to_a_location_and_an_organization(location: str) -> None:
    values.check_location(location)
    assert list(hospital(location=location).places.values()) == location.split()


@pytest.mark.parametrize("location", ["1", "Patient/1", "Location/", "Location/1 Location/2", "Location/1/_history/1"])
def test_what_is_no_such_reference_is_refused(location: str) -> None:
    with pytest.raises(Invalid, match=r"--location"):
        values.check_location(location)


def test_ids_are_drawn_from_the_id_of_a_message_in_the_ledger() -> None:
    made = hospital().making(MESSAGE, NOW)
    assert made.new_id("Patient") == hospital().making(MESSAGE, NOW).new_id("Patient")
    other = UUID(int=MESSAGE.int ^ 1)
    assert made.new_id("Patient") != hospital().making(other, NOW).new_id("Patient")
