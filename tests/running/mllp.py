"""A partner for tests: their messages, and a connection over which they send them."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from fhir_server.exchange import partners
from fhir_server.exchange.partners import Partner
from tests.running.galenic import Galenic
from tests.running.oauth import transaction

VT, END = b"\x0b", b"\x1c\r"
SECONDS_MAX = 30.0
HOSPITAL = "WARD|HOSPITAL"


def a_partner(galenic: Galenic, **values: object) -> Partner:
    """One that may send everything, unless told otherwise."""
    given = {"id": "hospital", "name": "A hospital", "senders": [HOSPITAL], "kinds": ["*"], **values}
    made = Partner(**given)
    with transaction(galenic) as one:
        partners.add(one, made)
    return made


def a_message(kind: str, control_id: str, *segments: str, sender: str = HOSPITAL, version: str = "2.5.1") -> bytes:
    """With MSH, and CR after each segment."""
    code, _, event = kind.partition("^")
    structure = f"{kind}^{code}_{event}" if event else kind
    header = f"MSH|^~\\&|{sender}|GALENIC|PHARMACY|20261121120000+0000||{structure}|{control_id}|P|{version}"
    return "".join(f"{segment}\r" for segment in (header, *segments)).encode()


def a_patient(mrn: str, family: str = "Chalmers") -> str:
    return f"PID|1||{mrn}^^^MRN^MR||{family}^Peter^James||19741225|M"


def an_order(control_id: str, number: str, mrn: str = "1", **more: str) -> bytes:
    """An RDE^O11 of one drug."""
    family, control = more.get("family", "Chalmers"), more.get("control", "NW")
    prescriber = "1234567893^Primary^Ines^^^^^^&2.16.840.1.113883.4.6&ISO"
    return a_message(
        "RDE^O11",
        control_id,
        a_patient(mrn, family),
        f"ORC|{control}|{number}^WARD|||||||20261121|||{prescriber}",
        "RXE||00093310905^Amoxicillin 500 MG Oral Capsule^NDC|500||mg|||||30|CAP|2",
        "TQ1|1|1^CAP|TID|||10^d",
        "RXR|PO^Oral^HL70162",
    )


@dataclass
class Wire:
    """A connection of a partner."""

    port: int
    connection: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS_MAX)
        self._rest = b""

    def send(self, *messages: bytes) -> None:
        self.connection.sendall(b"".join(VT + message + END for message in messages))

    def receive(self) -> bytes:
        """The next answer; b"" where the connection is closed."""
        while END not in self._rest:
            try:
                data = self.connection.recv(65_536)
            except ConnectionError:
                return b""
            if not data:
                return b""
            self._rest += data
        answer, _, self._rest = self._rest.partition(END)
        return answer.removeprefix(VT)

    def ask(self, message: bytes) -> bytes:
        self.send(message)
        return self.receive()


@contextmanager
def wire(galenic: Galenic) -> Iterator[Wire]:
    assert galenic.mllp is not None
    made = Wire(galenic.mllp.getsockname()[1])
    try:
        yield made
    finally:
        made.connection.close()


def fields(answer: bytes, segment: str) -> Sequence[str]:
    """Of the first segment of that name, by their HL7 numbers; [0] is the name."""
    lines = (line.split("|") for line in answer.decode().split("\r") if line.startswith(segment))
    found = next(lines, [])
    return ["MSH", "|", *found[1:]] if segment == "MSH" else found


def verdict(answer: bytes) -> tuple[str, str]:
    """MSA-1 and the code of ERR-3, "" where there is none."""
    error = fields(answer, "ERR")
    return fields(answer, "MSA")[1], error[3].partition("^")[0] if error else ""
