"""N1: what a partner sends as XML is answered with a fault within the limits, and nothing it names is opened."""

import codecs
import resource
from pathlib import Path

import pytest

from mappers.script.faults import ScriptFault
from mappers.script.xml import (
    ATTRIBUTES_MAX,
    BYTES_MAX,
    DEPTH_MAX,
    ELEMENTS_MAX,
    TEXT_MAX,
    parse_xml,
)

CANARY = "the canary of this test"
MEGABYTES_MAX = 100
LAUGHS = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))

HOSTILE = {
    "DOCTYPE": b"<!DOCTYPE Message><Message/>",
    "DOCTYPE of another file": b'<!DOCTYPE Message SYSTEM "http://127.0.0.1:9/message.dtd"><Message/>',
    "internal entity": b'<!DOCTYPE m [<!ENTITY x "y">]><m>&x;</m>',
    "parameter entity": b'<!DOCTYPE m [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]><m/>',
    "billion laughs": b'<!DOCTYPE m [<!ENTITY a0 "ha">' + LAUGHS + b"]><m>&a11;</m>",
    "entity nobody declared": b"<m>&x;</m>",
    "a million attributes": b"<m " + b" ".join(b'a%d=""' % n for n in range(1_000_000)) + b"/>",
    "a long tag": b"<m " + b" ".join(b'a%d=""' % n for n in range(100_000)) + b"/>",
    "a long attribute": b'<m a="' + b"x" * 1_000_000 + b'"/>',
    "a long comment": b"<m><!--" + b"x" * 1_000_000 + b"--></m>",
    "attributes one too many": b"<m " + b" ".join(b'a%d=""' % n for n in range(ATTRIBUTES_MAX + 1)) + b"/>",
    "depth": b"<m>" * 100_000,
    "depth one too many": b"<m>" * (DEPTH_MAX + 1) + b"</m>" * (DEPTH_MAX + 1),
    "elements": b"<m>" + b"<n/>" * ELEMENTS_MAX + b"</m>",
    "text": b"<m>" + b"x" * (TEXT_MAX + 1) + b"</m>",
    "200 MB": b"<m>" + b"x" * 200_000_000 + b"</m>",
    "UTF-7": b'<?xml version="1.0" encoding="UTF-7"?><m>+ADw-n/+AD4-</m>',
    "UTF-7 in UTF-16": '<?xml version="1.0" encoding="UTF-7"?><m/>'.encode("utf-16"),
    "EBCDIC": '<?xml version="1.0" encoding="cp037"?><m/>'.encode("cp037"),
    "UTF-32": "<m/>".encode("utf-32"),
    "UTF-16 that is none": b'<?xml version="1.0" encoding="UTF-16"?><m/>',
    "invalid UTF-8": b"<m>\xff</m>",
    "NUL": b"<m>\0</m>",
    "no end": b"<m><n>",
    "two roots": b"<m/><m/>",
    "nothing": b"",
    "white space": b" \r\n ",
    "no XML": b"ISA*00*",
    "EDIFACT": b"UNA:+./*'UIB+UNOA:0++1'",
    "wrapped DOCTYPE": b"<string>&lt;!DOCTYPE m&gt;&lt;m/&gt;</string>",
    "wrapped depth": b"<string>" + b"&lt;m&gt;" * 1000 + b"</string>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_are_refused_in_flat_memory(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ScriptFault) as refused:
        parse_xml(HOSTILE[name])
    assert refused.value.code == "900"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES_MAX * 1024


def test_the_bytes_are_counted_before_they_are_parsed() -> None:
    with pytest.raises(ScriptFault, match=f"longer than {BYTES_MAX} bytes"):
        parse_xml(b"<" * (BYTES_MAX + 1))


def test_a_file_that_an_entity_names_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "canary").write_text(CANARY)
    named = f'<!DOCTYPE m [<!ENTITY x SYSTEM "file://{tmp_path}/canary">]><m>&x;</m>'
    with pytest.raises(ScriptFault, match="DOCTYPE") as refused:
        parse_xml(named.encode())
    assert CANARY not in str(refused.value)


def test_an_inclusion_is_an_element_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "canary").write_text(CANARY)
    included = f'<m xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{tmp_path}/canary" parse="text"/></m>'
    root = parse_xml(included.encode())
    assert "".join(root.itertext()) == ""
    assert len(root) == 1


def test_processing_instructions_are_neither_obeyed_nor_kept() -> None:
    root = parse_xml(b'<?xml-stylesheet href="http://127.0.0.1:9/x"?><m><?php x?>text<!-- aside --></m>')
    assert (root.tag, root.text, len(root)) == ("m", "text", 0)


@pytest.mark.parametrize(
    "raw",
    [
        '<?xml version="1.0" encoding="UTF-8"?><m>é</m>'.encode(),
        codecs.BOM_UTF8 + "<m>é</m>".encode(),
        '<?xml version="1.0" encoding="UTF-16"?><m>é</m>'.encode("utf-16"),
        "<m>é</m>".encode("utf-16-be"),
        '<?xml version="1.0" encoding="ISO-8859-1"?><m>é</m>'.encode("latin-1"),
        '<?xml version="1.0" encoding="US-ASCII"?><m>&#233;</m>'.encode("ascii"),
    ],
)
def test_four_encodings_are_read(raw: bytes) -> None:
    assert parse_xml(raw).text == "é"


def test_what_is_within_the_limits_is_read() -> None:
    inner = b"<n>" + b"x" * TEXT_MAX + b"</n>" + b"<n/>" * 1000
    attributes = b" ".join(b'a%d=""' % n for n in range(ATTRIBUTES_MAX))
    depth = DEPTH_MAX - 1
    raw = b"<m " + attributes + b">" + b"<d>" * depth + b"</d>" * depth + inner + b"</m>"
    assert len(parse_xml(raw)) == 1002


def test_a_message_that_is_escaped_inside_a_string_is_opened() -> None:
    raw = (
        b'<string xmlns="http://schemas.microsoft.com/2003/10/Serialization/">&lt;Message&gt;a&lt;/Message&gt;</string>'
    )
    assert parse_xml(raw).tag == "Message"
