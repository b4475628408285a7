"""The packaged facts, read once when first asked for."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

LABEL: Final = "https://www.accessdata.fda.gov/scripts/cder/daf/index.cfm?event=overview.process&ApplNo="
"""Drugs@FDA's page of an application, with its labels."""


@dataclass(frozen=True)
class Source:
    """Where a fact is from: what is cited, and its address."""

    citation: str
    url: str


@cache
def compiled(name: str) -> dict[str, Any]:
    """A file that compile_facts made, by its name without the ending."""
    content: dict[str, Any] = json.loads(files(__package__).joinpath(f"{name}.json").read_bytes())
    return content


@cache
def reviewed(name: str) -> tuple[dict[str, Any], ...]:
    """The rows of a table that was typed and reviewed by hand, by its name without the ending."""
    return tuple(json.loads(files(__package__).joinpath("reviewed", f"{name}.json").read_bytes()))


def source(row: dict[str, Any]) -> Source:
    """What a reviewed row cites: an address, or the number of FDA's application whose label it is."""
    citation, place = row["source"]
    if place.startswith("https://"):
        return Source(citation, place)
    return Source(f"{citation} ({place})", LABEL + place.lstrip("ABDLN"))
