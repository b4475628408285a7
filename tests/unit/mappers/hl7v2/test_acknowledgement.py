"""Acknowledgements: chapter 2 of HL7 v2, https://terminology.hl7.org/CodeSystem-v2-0357.html."""

from datetime import UTC, datetime

import pytest

from mappers.hl7v2.acknowledgement import Wanted, acknowledge, opening, wanted
from mappers.hl7v2.escapes import Delimiters
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import Message, Segment, parse, write
from mappers.hl7v2.replies import reply
from tests.running.growth import grows_evenly

NOW = datetime(2026, 11, 2, 8, 5, tzinfo=UTC)
FAULT = Hl7Fault("101", "PID-3", "nobody is known without an identifier")


def a_message(version: str = "2.5.1", rest: str = "", code: str = "ADT^A08^ADT_A01", marks: str = r"^~\&") -> Message:
    sides = "EHR^1.2.3^ISO|NORTH|GALENIC|SOUTH".replace("^", marks[0])
    code = code.replace("^", marks[0])
    return parse(f"MSH|{marks}|{sides}|20261102||{code}|7|P|{version}{rest}\r".encode())


def lines(of: Message | Segment | None, code: str = "AA", *faults: Hl7Fault) -> list[str]:
    return acknowledge(of, code, faults, now=NOW, control_id="A1").decode().rstrip("\r").split("\r")


def test_an_acknowledgement_goes_back_to_the_sender_with_its_control_id() -> None:
    assert lines(a_message()) == [
        r"MSH|^~\&|GALENIC|SOUTH|EHR^1.2.3^ISO|NORTH|20261102080500+0000||ACK^A08^ACK|A1|P|2.5.1",
        "MSA|AA|7",
    ]


def test_before_2_3_1_a_message_type_has_no_structure() -> None:
    assert "|ACK^A08|A1|P|2.3" in lines(a_message("2.3"))[0]
    assert "|ACK^A08^ACK|A1|P|2.3.1" in lines(a_message("2.3.1"))[0]


def test_what_has_no_event_is_answered_without_one() -> None:
    assert "|ACK|A1|" in lines(a_message(code="ADT"))[0]


def test_from_2_5_on_a_fault_has_its_place_code_severity_and_text() -> None:
    assert lines(a_message("2.5"), "AE", FAULT)[1:] == [
        "MSA|AE|7",
        f"ERR||PID^1^3|101^Required field missing^HL70357|E|||{FAULT.text}|{FAULT.text}",
    ]


def test_before_2_5_a_fault_is_in_the_first_field_of_err_and_its_text_in_msa() -> None:
    assert lines(a_message("2.4"), "AE", Hl7Fault("102", "OBX[2]-5.1", "no number"))[1:] == [
        "MSA|AE|7|no number",
        "ERR|OBX^2^5^102&Data type error&HL70357",
    ]


def test_a_place_of_a_segment_or_of_a_component_or_of_none_is_said_as_far_as_it_goes() -> None:
    places = ("PID", "OBX[2]-5.1", "", "Patient.identifier")
    errors = lines(a_message(), "AE", *(Hl7Fault("100", place, "wrong") for place in places))[2:]
    assert [one.split("|")[2] for one in errors] == ["PID^1", "OBX^2^5^^1", "", ""]


def test_the_delimiters_of_the_message_are_those_of_its_answer() -> None:
    message = a_message(marks="!~\\%")
    first, _, error = lines(message, "AE", FAULT)
    assert first.startswith(r"MSH|!~\%|GALENIC|SOUTH|EHR!1.2.3!ISO|NORTH|")
    assert error.startswith("ERR||PID!1!3|101!Required")


@pytest.mark.parametrize("charset", ["8859/1", "~ISO IR87", "UNICODE UTF-8"])
def test_the_character_set_of_the_message_is_that_of_its_answer(charset: str) -> None:
    answer = acknowledge(a_message(rest=f"||||||{charset}"), "AA", (), now=NOW, control_id="A1")
    assert parse(answer).charset == charset


def test_names_beyond_ascii_come_back_in_their_own_bytes() -> None:
    raw = "MSH|^~\\&|APOTH\u00c8KE|||||||7|P|2.5||||||8859/1\r".encode("latin-1")
    assert "APOTH\u00c8KE".encode("latin-1") in acknowledge(parse(raw), "AA", (), now=NOW, control_id="A1")


@pytest.mark.parametrize(
    "raw",
    [
        b"MSH|^~\\&|A\xff|||||||7|P|2.5||||||KLINGON\r",
        b"MSH|^~\\&|A\xff\x1b$B|||||||7|P|2.5||||||ISO IR87\r",
        b"MSH|^^|A|||||||7|P|2.5\r",
        b"MSH|^~\\&|A|B|\r",
    ],
)
def test_what_cannot_be_read_is_answered_by_what_could_be_read_of_its_header(raw: bytes) -> None:
    with pytest.raises(Hl7Fault) as caught:
        parse(raw)
    answer = parse(acknowledge(caught.value.header, "AR", [caught.value], now=NOW, control_id="A1"))
    assert answer.header.text(5)[0] == "A"
    assert [one.name for one in answer.segments] == ["MSH", "MSA", "ERR"]


def test_what_has_no_header_is_answered_to_nobody() -> None:
    first, second = lines(None, "AR")
    assert first == r"MSH|^~\&|||||20261102080500+0000||ACK|A1|P|2.5.1"
    assert second == "MSA|AR"


@pytest.mark.parametrize(
    ("asked", "accept", "application"),
    [
        ("", "", "AA AE AR"),  # original mode
        ("|||AL", "CA CE CR", ""),
        ("|||AL|NE", "CA CE CR", ""),
        ("|||NE|AL", "", "AA AE AR"),
        ("|||ER|SU", "CE CR", "AA"),
        ("|||SU|ER", "CA", "AE AR"),
        ("||||AL", "", "AA AE AR"),
        ("|||NE|NE", "", ""),
    ],
)
def test_enhanced_mode_is_answered_as_the_header_asks(asked: str, accept: str, application: str) -> None:
    asks = wanted(a_message(rest=asked))
    assert [code for code in ("CA", "CE", "CR") if asks.accept(code)] == accept.split()
    assert [code for code in ("AA", "AE", "AR") if asks.application(code)] == application.split()
    assert asks.is_enhanced == (asked != "")
    assert isinstance(asks, Wanted)


def test_a_reply_of_an_application_begins_as_an_acknowledgement_does() -> None:
    segments, charset = opening(a_message(), "RRE^O12^RRE_O12", "AA", (), now=NOW, control_id="A1")
    assert write(segments, charset).decode().split("|")[8] == "RRE^O12^RRE_O12"


@pytest.mark.parametrize("divider", "^&~")
def test_a_name_of_many_parts_is_said_back_in_no_more_time_than_it_is_long(divider: str) -> None:
    def of_parts(parts: int) -> Segment:
        return Segment(f"MSH|^~\\&|A|B|{divider * parts}x||20261102||ACK|7|P|2.5", Delimiters())

    assert grows_evenly(lines, of_parts, 2_000)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_an_answer_is_in_a_character_set_that_holds_it(codec: str) -> None:
    number = "\u043f-7"
    message = parse(f"MSH|^~\\&|EHR|B|||20261102||RDE^O11|{number}|P|2.5||||||8859/1\rORC|NW|{number}\r".encode(codec))
    for raw in (
        acknowledge(message, "AA", (), now=NOW, control_id="A1"),
        reply(message, (), {}, now=NOW, control_id="A1"),
    ):
        answer = parse(raw)
        assert (answer.charset, answer.segments[1].text(2)) == ("UNICODE UTF-8", number)
        assert answer.header.fields == 18


@pytest.mark.parametrize("marks", ["^", "^~", r"^~\\"])
@pytest.mark.parametrize("version", ["2.3", "2.5"])
def test_where_the_header_has_no_such_delimiters_an_answer_does_without(marks: str, version: str) -> None:
    fault = Hl7Fault("102", "PID-3.1", "neither | nor ^, ~, \\ or &\nbut a number")
    message = parse(f"MSH|{marks}|EHR|B|C|D|20261102||ACK|7|P|{version}\r".encode())
    raw = acknowledge(message, "AE", [fault], now=NOW, control_id="A1")
    assert b"\0" not in raw
    answer = parse(raw)
    assert [one.name for one in answer.segments] == ["MSH", "MSA", "ERR"]
    assert "but a number" in raw.decode()


def test_control_characters_of_a_header_are_not_said_back() -> None:
    with pytest.raises(Hl7Fault) as caught:
        parse(b"MSH|^~\\&|A\x02|B|||20261102||ADT^A08\x03|7\0|P|2.5\r")
    answer = acknowledge(caught.value.header, "AR", [caught.value], now=NOW, control_id="A1")
    assert not any(one < ord(" ") for one in answer.replace(b"\r", b""))


@pytest.mark.parametrize("field", ["^", "A", " ", "\0"])
def test_a_header_whose_delimiters_are_none_is_answered_in_the_usual_ones(field: str) -> None:
    with pytest.raises(Hl7Fault) as caught:
        parse(field.join(("MSH", r"^~\&", "1", "2", "3", "4", "5", "", "6", "7", "P", "2.5")).encode("latin-1"))
    answer = acknowledge(caught.value.header, "AR", [caught.value], now=NOW, control_id="0")
    assert answer.startswith(b"MSH|^~\\&|")
    assert [one.name for one in parse(answer).segments] == ["MSH", "MSA", "ERR"]


@pytest.mark.parametrize("version", ["9" * 5_000, "\u00b2.5", "2.", "2..5"])
def test_a_version_that_is_none_is_answered(version: str) -> None:
    assert lines(a_message(version), "AR", FAULT)[2].startswith("ERR||PID^1^3|")
