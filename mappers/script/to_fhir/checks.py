"""Doubts about identifiers that are received: they are kept, with a warning. No check digit stops a prescription."""

from typing import Final

from mappers.script.reading import At
from terminology.identifiers import CHECKS

NOTHING: Final = "NONE"
"""What networks want written for a pharmacy without an NPI."""


def check_identifiers(at: At) -> None:
    for name, right in CHECKS.items():
        text = at.peek(f"Identification/{name}")
        if text and text != NOTHING and not right(text):
            at.note(f"Identification/{name}", "The number is not formed as such numbers are, or its check digit fails")
