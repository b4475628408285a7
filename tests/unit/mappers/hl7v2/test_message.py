"""ER7, chapter 2 of HL7 v2: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappers.hl7v2 import message as er7
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import NULL, Message, parse, parse_all, write
from tests.running.growth import grows_evenly

HEADER = r"MSH|^~\&|EHR|NORTH|GALENIC|SOUTH|20261102||ADT^A08^ADT_A01|7|P|2.5.1"


def a_message(*lines: str, header: str = HEADER, charset: str = "utf-8", end: str = "\r") -> Message:
    return parse(end.join((header, *lines, "")).encode(charset))


def the_fault(raw: bytes) -> Hl7Fault:
    with pytest.raises(Hl7Fault) as caught:
        parse(raw)
    return caught.value


def the_text(text: str, *, header: str = HEADER, charset: str = "utf-8") -> str:
    return a_message(f"NTE|1||{text}", header=header, charset=charset).segments[1].text(3)


def test_the_header_says_what_a_message_is_and_whose() -> None:
    message = a_message("PID|1")
    assert (message.kind, message.control_id, message.version) == ("ADT^A08", "7", "2.5.1")
    assert (message.sender, message.receiver) == (("EHR", "NORTH"), ("GALENIC", "SOUTH"))
    assert (message.header.text(1), message.header.text(2)) == ("|", r"^~\&")


def test_a_message_without_an_event_is_of_the_kind_of_its_code() -> None:
    assert a_message(header=HEADER.replace("ADT^A08^ADT_A01", "ACK")).kind == "ACK"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_segments_end_with_any_line_break(end: str) -> None:
    assert [one.name for one in a_message("PID|1", "PV1|1", end=end).segments] == ["MSH", "PID", "PV1"]


def test_fields_have_repetitions_components_and_subcomponents() -> None:
    (pid,) = a_message("PID|1||A^^^X&1.2&ISO~B").all("PID")
    first, second = pid.repetitions(3)
    assert (first.text(), first.text(2), first.text(4), first.text(4, 2), second.text()) == ("A", "", "X", "1.2", "B")
    assert (first.components, first.subcomponents(4), first.subcomponents(9)) == (4, 3, 0)
    assert first.inner(4).texts() == ("X", "1.2", "ISO")
    assert first.whole(4) == "X&1.2&ISO"
    assert (pid.text(3, 4, 2), pid.text(3, 9), pid.text(99), pid.repetitions(99), pid.fields) == ("1.2", "", "", (), 3)


def test_a_repetition_without_anything_is_none() -> None:
    (pid,) = a_message("PID|1||~A~^^~").all("PID")
    assert [one.raw for one in pid.repetitions(3)] == ["A", "^^"]
    assert [bool(one) for one in pid.repetitions(3)] == [True, False]


def test_two_quotes_say_that_there_is_no_value() -> None:
    (pid,) = a_message('PID|""||A|""^""|B^""|""~""').all("PID")
    assert [pid.is_null(number) for number in (1, 2, 3, 4, 5, 6)] == [True, False, False, True, False, False]
    assert (pid.text(1), pid.text(5, 2), bool(pid.value(1))) == ("", "", False)


def test_a_place_has_a_number_where_there_are_several_of_a_segment() -> None:
    message = a_message("PID|1", "OBX|1", "OBX|2")
    places = [one.place(3, 1) for one in message.segments[1:]]
    assert places == ["PID-3.1", "OBX[1]-3.1", "OBX[2]-3.1"]
    assert (message.segments[1].place(), message.segments[1].place(3)) == ("PID", "PID-3")
    assert repr(message.segments[2]) == "<OBX[1]>"


def test_segments_are_found_by_name_in_their_order() -> None:
    message = a_message("PID|1", "OBX|1", "NTE|1", "OBX|2")
    assert [one.text(1) for one in message.all("OBX", "NTE")] == ["1", "1", "2"]
    assert message.first("OBX") is message.segments[2]
    assert message.first("ZZZ") is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\F\\S\\T\\R\\E\ ", r"|^&~\ ".strip()),
        (r"3 \T\ 4", "3 & 4"),
        (r"one\.br\two", "one\ntwo"),
        (r"\H\bold\N\ face", "bold face"),
        (r"\X41C3A9\.", "A\u00e9."),
        (r"\X0D0A\x", "x"),
        (r"a\X0D0A\b", "a\r\nb"),
        (r"\X00\a", r"\X00\a"),  # no text has a NUL
        (r"\XC3\a", r"\XC3\a"),  # half a character
        (r"\X4\a", r"\X4\a"),
        (r"\Zlocal\ \.sp2\ \C2842\ ", r"\Zlocal\ \.sp2\ \C2842\ ".strip()),
        (r"C:\dir \S\ x", r"C:\dir ^ x"),
        (r"never \F closed", r"never \F closed"),
        (r"\P\a", r"\P\a"),  # MSH-2 names no truncation character
    ],
)
def test_escapes_are_read_and_unknown_ones_kept(written: str, meant: str) -> None:
    assert the_text(written) == meant


def test_the_truncation_character_has_an_escape_where_there_is_one() -> None:
    assert the_text(r"\P\a#", header=HEADER.replace(r"^~\&", r"^~\&#")) == "#a#"


def test_delimiters_are_those_of_the_header() -> None:
    header = HEADER.replace("|", "!").replace("^", "@").replace("~\\&", "*%$")
    (pid,) = a_message("PID!1!!A@B$C*D%S%E", header=header).all("PID")
    assert (pid.text(3, 2, 2), pid.repetitions(3)[1].text()) == ("C", "D@E")


def test_a_delimiter_left_out_divides_nothing() -> None:
    (pid,) = a_message("PID|1||A~B&C\\F\\", header=HEADER.replace(r"^~\&", "^")).all("PID")
    assert pid.text(3) == "A~B&C\\F\\"


def test_a_doubled_escape_in_the_header_is_one() -> None:
    assert the_text(r"3 \T\ 4", header=HEADER.replace(r"~\&", r"~\\&")) == "3 & 4"


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("", "ascii"),
        ("", "utf-8"),
        ("ASCII", "ascii"),
        ("UNICODE UTF-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("8859/1", "latin-1"),
        ("8859/15", "iso8859-15"),
        ("ISO IR87", "iso2022_jp"),
        ("~ISO IR87", "iso2022_jp"),
        ("ISO IR6~ISO IR14~ISO IR87", "iso2022_jp"),
        ("GB 18030-2000", "gb18030"),
    ],
)
def test_characters_are_read_as_the_header_says(name: str, codec: str) -> None:
    text = {"ascii": "Doe", "iso2022_jp": "\u5c71\u7530", "gb18030": "\u738b"}.get(codec, "M\u00fcller")
    assert the_text(text, header=f"{HEADER}||||||{name}", charset=codec) == text


def test_a_kanji_whose_bytes_are_delimiters_divides_nothing() -> None:
    text = "\u6d0b"  # 1B 24 42 4D 4E; the next one has a 7C
    bar = next(one for one in map(chr, range(0x4E00, 0x9FA0)) if b"|" in one.encode("iso2022_jp", "ignore"))
    assert the_text(text + bar, header=f"{HEADER}||||||~ISO IR87", charset="iso2022_jp") == text + bar


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_what_the_bytes_are(codec: str) -> None:
    raw = f"{HEADER}\rNTE|1||M\u00fcller\r".encode(codec)
    assert parse_all(raw) == (raw,)
    assert parse(raw).segments[1].text(3) == "M\u00fcller"


@pytest.mark.parametrize(
    ("raw", "code", "place", "reject"),
    [
        (b"", "100", "MSH", True),
        (b"\r\n", "100", "MSH", True),
        (b"PID|1\r" + HEADER.encode(), "100", "MSH", True),
        (b"MSH", "100", "MSH", True),
        (b"MSH|\r", "100", "MSH", True),
        (HEADER[: HEADER.index("20261102")].encode(), "101", "MSH-10", True),
        (HEADER.replace("|7|", "||").encode(), "101", "MSH-10", True),
        (HEADER.replace(r"|^~\&|", r"|^~\&|", 1).replace(r"^~\&", r"^~\&amp;").encode(), "102", "MSH-2", True),
        (HEADER.replace(r"^~\&", "^^").encode(), "102", "MSH-2", True),
        (HEADER.replace(r"^~\&", "0000").encode(), "102", "MSH-2", True),
        (HEADER.replace(r"^~\&", "^ ").encode(), "102", "MSH-2", True),
        (f"{HEADER}||||||ISO IR 1".encode(), "103", "MSH-18", True),
        (f"{HEADER}||||||ASCII~KLINGON".encode(), "103", "MSH-18", True),
        (f"{HEADER}\rPID|1\xfc".encode("latin-1"), "102", "PID", False),
        (f"{HEADER}||||||ISO IR87\rPID|1\x1b$B\xff\xff".encode("latin-1"), "102", "PID", False),
        (f"{HEADER}\rP\0<\xfc".encode("latin-1"), "102", "", False),
        (f"{HEADER}\rPI\xfc|".encode("latin-1"), "102", "", False),
        (f"{HEADER}\rPID|1\0".encode(), "102", "PID", False),
        (f"{HEADER}\rPID|1\x1c".encode(), "102", "PID", False),
        (f"{HEADER}\rpid|1".encode(), "100", "", False),
        (f"{HEADER}\rPID^1".encode(), "100", "", False),
        (f"{HEADER}\rPID{'|' * (er7.FIELDS_MAX + 1)}".encode(), "198", "PID", False),
        (f"{HEADER}\rPID|{'~' * (er7.REPETITIONS_MAX + 1)}".encode(), "198", "PID", False),
        (f"{HEADER}\rPID|{'^' * er7.COMPONENTS_MAX}".encode(), "198", "PID", False),
        (f"{HEADER}\rPID|A^B{'&' * er7.COMPONENTS_MAX}".encode(), "198", "PID", False),
        ((HEADER + "\rNTE" * er7.SEGMENTS_MAX).encode(), "198", "", False),
    ],
)
def test_what_cannot_be_read_is_a_fault_with_its_place(raw: bytes, code: str, place: str, *, reject: bool) -> None:
    fault = the_fault(raw)
    assert (fault.code, fault.place, fault.reject) == (code, place, reject)
    assert (fault.header is None) == (place == "MSH")


def test_a_fault_has_the_header_it_is_answered_by() -> None:
    fault = the_fault(f"{HEADER}||||||KLINGON\r".encode())
    assert fault.header is not None
    assert fault.header.text(10) == "7"


def test_a_message_has_so_many_bytes_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(er7, "BYTES_MAX", len(HEADER))
    assert parse(HEADER.encode()).control_id == "7"
    assert the_fault(HEADER.encode() + b"\r").code == "104"


def test_a_frame_may_hold_several_messages_with_or_without_a_batch() -> None:
    one, other = HEADER.encode() + b"\rPID|1", HEADER.encode() + b"\nPID|2"
    assert parse_all(one + b"\r" + other) == (one, other)
    batch = b"\r".join((rb"FHS|^~\&", rb"BHS|^~\&", one, other, b"BTS|2", b"FTS|1\r"))
    assert parse_all(batch) == (one, other)


def test_a_header_of_a_batch_amid_a_message_divides_nothing() -> None:
    raw = HEADER.encode() + b"\rBHS|^~\\&|\rPID|1\r"
    assert parse_all(raw) == (raw,)
    assert [one.name for one in parse(raw).segments] == ["MSH", "BHS", "PID"]


def test_what_stands_before_the_first_message_is_not_passed_over() -> None:
    parts = parse_all(b"PID|1\r" + HEADER.encode())
    assert parts == (b"PID|1", HEADER.encode())
    assert the_fault(parts[0]).code == "100"


def test_components_are_counted_for_each_repetition_of_a_field() -> None:
    field = "~".join(["^" * (er7.COMPONENTS_MAX - 1)] * 3)
    assert a_message(f"PID|{field}|{field}").segments[1].fields == 2


def test_a_frame_has_so_many_messages_and_no_more() -> None:
    frame = b"\r".join([HEADER.encode()] * er7.MESSAGES_MAX)
    assert len(parse_all(frame)) == er7.MESSAGES_MAX
    with pytest.raises(Hl7Fault) as caught:
        parse_all(frame + b"\r" + HEADER.encode())
    assert (caught.value.code, caught.value.place, caught.value.reject) == ("198", "", True)
    assert caught.value.header is not None
    assert caught.value.header.text(10) == "7"


def test_trailers_amid_a_message_stay_where_they_are() -> None:
    raw = HEADER.encode() + b"\rBTS|1\rFTS|1\rPID|1\r\rBTS|2\r\nFTS|1\r \r"
    assert parse_all(raw) == (HEADER.encode() + b"\rBTS|1\rFTS|1\rPID|1",)


@pytest.mark.parametrize("again", ["\r", "\r\n", "BTS|\r", "BTS|\r\r", "\rMSH", "\r \rFTS|"])
def test_what_is_said_again_and_again_takes_no_more_time_than_it_is_long(again: str) -> None:
    def the_frame(times: int) -> bytes:
        return HEADER.encode() + b"\r" + again.encode() * times + b"\rPID|1"

    assert grows_evenly(parse_all, the_frame, 2_000)


CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\r\t|^~\\&#.brXFSTRE")
TEXTS = st.text(CHARACTERS).map(str.strip)


def written(*fields: Any, separators: str = r"|^~\&", charset: str = "UNICODE UTF-8") -> bytes:
    header = ("MSH", separators[0], separators[1:], *[""] * 6, "ADT", "7", "P", "2.5.1")
    return write([header + ("",) * 5 + (charset.split("~"),), ("ZZZ", *fields)], charset)


@given(TEXTS, st.sampled_from([r"|^~\&", "!@*%$", "|^~\\&#", "$%#&*"]))
def test_any_text_comes_back_as_it_was_written(text: str, separators: str) -> None:
    (segment,) = parse(written(text, separators=separators)).all("ZZZ")
    assert segment.text(1) == text


@given(st.lists(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3), min_size=1, max_size=3))
def test_components_subcomponents_and_repetitions_come_back(field: list[list[tuple[str, str]]]) -> None:
    (segment,) = parse(written([tuple(one) for one in field])).all("ZZZ")
    full = [one for one in field if any(any(part) for part in one)]
    read = [[(one.text(c, 1), one.text(c, 2)) for c in (1, 2, 3)] for one in segment.repetitions(1)]
    assert read == [[*one, *[("", "")] * (3 - len(one))] for one in full]


@given(st.text(st.characters(codec="iso2022_jp", exclude_categories=["Cc"])).map(str.strip))
def test_japanese_comes_back_from_its_own_bytes(text: str) -> None:
    (segment,) = parse(written(text, charset="~ISO IR87")).all("ZZZ")
    assert segment.text(1) == text


def test_no_value_is_written_as_two_quotes_and_two_quotes_are_not_no_value() -> None:
    (segment,) = parse(written(NULL, '""')).all("ZZZ")
    assert [segment.is_null(1), segment.is_null(2), segment.text(2)] == [True, False, '""']


def test_what_is_empty_at_the_end_is_not_written() -> None:
    assert written("A", ("B", "", ("C", "")), "", []).split(b"\r")[1] == b"ZZZ|A|B^^C"


def test_a_character_that_the_set_lacks_is_not_replaced() -> None:
    with pytest.raises(UnicodeEncodeError):
        written("\u5c71", charset="8859/1")
    with pytest.raises(LookupError):
        written("a", charset="KLINGON")
