"""What is shown of what others have sent obeys nobody."""

import pytest

from fhir_server.cli.terminal import complain, say


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "\x9b31m", "\u202eevil", "\r", "\x00"])
def test_nothing_reaches_the_terminal_that_it_would_obey(capsys: pytest.CaptureFixture[str], text: str) -> None:
    say(f"one{text}\ntwo\tthree")
    complain(text)
    said = capsys.readouterr()
    assert all(one.isprintable() or one in "\n\t" for one in said.out + said.err)
    assert "\ntwo\tthree" in said.out
