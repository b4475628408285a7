"""What the commands say to the person at the terminal."""

import sys


def say(text: str = "") -> None:
    """One line or several, at once, also into a pipe."""
    sys.stdout.write(harmless(text) + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One line about what went wrong."""
    sys.stderr.write(f"galenic: {harmless(text)}\n")
    sys.stderr.flush()


def harmless(text: str) -> str:
    """Without what a terminal would obey, or show in another order: some of it is what strangers have sent."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in text)
