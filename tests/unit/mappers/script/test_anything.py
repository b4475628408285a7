"""Whatever is sent is a message or a fault, and whatever is a message is mapped."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappers.making import Making
from mappers.mapped import Mapped
from mappers.script.answers import Answering, error
from mappers.script.faults import ScriptFault
from mappers.script.message import header_of, read, write
from mappers.script.to_fhir.convert import to_fhir

GOLDEN = Path(__file__).parents[3] / "golden" / "script"
MESSAGES = [path.read_bytes() for path in sorted(GOLDEN.glob("*/1_message.xml"))]
LEAF = re.compile(rb">([^<>\s][^<>]*)<")
NAME = re.compile(rb"<([A-Z]\w+)>")
VALUES = [
    b"",
    b"0",
    b"-1",
    b"1e9",
    b"9" * 40,
    b"2026-13-45",
    b"true",
    b"&#x41;",
    b"a|b",
    "漢\u202e".encode(),
    b" ",
    b"NaN",
]


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A good message with some of its texts and names changed."""
    raw = draw(st.sampled_from(MESSAGES))
    for _ in range(draw(st.integers(1, 4))):
        pattern = draw(st.sampled_from([LEAF, NAME]))
        found = draw(st.sampled_from(list(pattern.finditer(raw)) or list(NAME.finditer(raw))))
        if pattern is LEAF and found.re is LEAF:
            raw = raw[: found.start(1)] + draw(st.sampled_from(VALUES)) + raw[found.end(1) :]
        else:
            other = draw(st.sampled_from(NAME.findall(raw)))
            raw = raw.replace(b"<" + found[1] + b">", b"<" + other + b">")
            raw = raw.replace(b"</" + found[1] + b">", b"</" + other + b">")
    return raw


@given(spoilt())
def test_a_spoilt_message_is_a_fault_or_makes_valid_resources(
    making: Making, problems: Callable[[Mapped], list[str]], raw: bytes
) -> None:
    try:
        message = read(raw)
    except ScriptFault as fault:
        answer = read(error(header_of(raw), Answering("A-1", making.now), fault))
        assert answer.kind == "Error"
        return
    assert problems(to_fhir(message, making)) == []
    assert read(write(message, "2023011")).kind == message.kind


@given(st.binary(max_size=300))
def test_bytes_that_are_anything_are_a_fault(raw: bytes) -> None:
    with pytest.raises(ScriptFault):
        read(raw)
    assert header_of(raw) is None
