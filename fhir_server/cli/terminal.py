"""What the commands say to the person at the terminal."""

import sys


def say(text: str = "") -> None:
    """One line, at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One line about what went wrong."""
    sys.stderr.write(f"galenic: {text}\n")
    sys.stderr.flush()
