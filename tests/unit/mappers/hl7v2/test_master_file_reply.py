"""MFK: chapter 8 of HL7 v2."""

from datetime import UTC, datetime

import pytest

from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.master_file_reply import reply
from mappers.hl7v2.message import parse

NOW = datetime(2026, 11, 2, 8, 5, tzinfo=UTC)
MESSAGE = (
    "MSH|^~\\&|HR|NORTH|GALENIC|SOUTH|20261102||MFN^M02^MFN_M02|7|P|2.5.1\r"
    "MFI|PRA^Practitioner^HL70175||UPD|||{asked}\r"
    "MFE|MAD|E1||K-17^Osei|CWE\rSTF|K-17\rMFE|MDC|E2||K-18|CWE\rSTF|K-18\r"
)


def lines(asked: str = "AL", code: str = "AA", *faults: Hl7Fault) -> list[str]:
    raw = reply(parse(MESSAGE.format(asked=asked).encode()), code, faults, now=NOW, control_id="A1")
    return raw.decode().rstrip("\r").split("\r")


def test_each_record_of_a_master_file_is_answered() -> None:
    assert lines() == [
        r"MSH|^~\&|GALENIC|SOUTH|HR|NORTH|20261102080500+0000||MFK^M02^MFK_M01|A1|P|2.5.1",
        "MSA|AA|7",
        "MFI|PRA^Practitioner^HL70175||UPD|||AL",
        "MFA|MAD|E1|20261102080500+0000|S|K-17^Osei|CWE",
        "MFA|MDC|E2|20261102080500+0000|S|K-18|CWE",
    ]


def test_a_fault_is_that_of_all_its_records() -> None:
    said = lines("", "AE", Hl7Fault("101", "STF[1]-1", "nobody is known without a key"))
    assert [one.split("|")[0] for one in said] == ["MSH", "MSA", "ERR", "MFI", "MFA", "MFA"]
    assert {one.split("|")[4] for one in said if one.startswith("MFA")} == {"U"}


@pytest.mark.parametrize(("asked", "told"), [("NE", False), ("ER", False), ("SU", True), ("AL", True), ("", True)])
def test_records_are_answered_as_the_sender_asks(asked: str, *, told: bool) -> None:
    assert any(one.startswith("MFA") for one in lines(asked)) == told
