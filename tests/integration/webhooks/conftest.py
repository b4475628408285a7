"""Names that lead where a test says, and sinks that look as if they were in the internet."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from integrations.guarded import addresses

PUBLIC = "127.0.0.2"
"""Taken for an address in the internet."""

PRIVATE = "127.0.0.1"


@dataclass
class Names:
    """What a resolver says of a name: an answer to each question, the last one for good."""

    answers: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def lead(self, name: str, *answers: list[str]) -> None:
        self.answers[name] = list(answers)

    def resolve(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        answers = self.answers[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    known = Names()
    is_public = addresses.is_public
    monkeypatch.setattr(addresses, "is_public", lambda address: address == PUBLIC or is_public(address))
    monkeypatch.setattr(socket, "getaddrinfo", known.resolve)
    return known
