"""Frames of MLLP: whatever pieces they come in, whatever senders put around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.mllp.framing import CR, FS, VT, Framer, FramingError, framed

MESSAGE = b"MSH|^~\\&|A|B|||20260101||ADT^A04|1|P|2.5\rPID|1\r"
BYTES_MAX = 1_000

messages = st.lists(
    st.binary(min_size=1, max_size=60).map(lambda raw: raw.replace(VT, b"v").replace(FS, b"f")), max_size=5
)


def received(framer: Framer, data: bytes, size: int) -> list[bytes]:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return [message for piece in pieces for message in framer.receive(piece)]


@given(messages, st.integers(1, 70))
def test_messages_come_out_as_they_went_in_whatever_the_pieces(sent: list[bytes], size: int) -> None:
    assert received(Framer(BYTES_MAX), b"".join(map(framed, sent)), size) == sent


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    "wire",
    [
        VT + MESSAGE + FS + CR,
        VT + MESSAGE + FS,
        VT + MESSAGE + FS + b"\r\n",
        b"\r\n" + VT + MESSAGE + FS + CR + CR,
        b"\x00" + VT + MESSAGE + FS + CR,
    ],
    ids=["as specified", "no CR at the end", "a line feed", "blank lines around", "a NUL before"],
)
def test_what_senders_do_to_the_ends_of_a_frame_changes_nothing(wire: bytes, size: int) -> None:
    assert received(Framer(BYTES_MAX), wire * 2, size) == [MESSAGE, MESSAGE]


def test_a_message_is_not_told_before_it_is_whole() -> None:
    framer = Framer(BYTES_MAX)
    assert framer.receive(VT + MESSAGE) == []
    assert framer.is_within_message
    assert framer.receive(FS) == [MESSAGE]
    assert not framer.is_within_message


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize(
    "wire", [MESSAGE, VT + MESSAGE + VT + MESSAGE + FS + CR, b"GET / HTTP/1.1\r\n", VT + MESSAGE + FS + b"x"]
)
def test_what_is_no_frame_is_refused_at_once(wire: bytes, size: int) -> None:
    with pytest.raises(FramingError):
        received(Framer(BYTES_MAX), wire, size)


@pytest.mark.parametrize("ending", [b"", FS])
def test_a_message_may_be_as_long_as_the_limit_and_no_longer(ending: bytes) -> None:
    assert Framer(BYTES_MAX).receive(VT + b"x" * BYTES_MAX + FS) == [b"x" * BYTES_MAX]
    framer = Framer(BYTES_MAX)
    with pytest.raises(FramingError, match=f"{BYTES_MAX} bytes"):
        framer.receive(VT + b"x" * (BYTES_MAX + 1) + ending)


@pytest.mark.parametrize("byte", [VT, FS])
def test_a_message_that_would_end_its_own_frame_is_not_sent(byte: bytes) -> None:
    with pytest.raises(FramingError):
        framed(b"MSH" + byte)
