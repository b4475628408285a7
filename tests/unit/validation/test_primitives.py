import msgspec
import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.validation.findings import State
from fhir_server.validation.primitives import primitive_checks

CHECKS = primitive_checks(load_definitions().types)
ONE_MEGABYTE = 1024 * 1024


def raw(text):
    return msgspec.Raw(text.encode())


def accepts(name, value):
    found = CHECKS[name](value, {}, State())
    return not [finding for finding in found or [] if finding.severity == "error"]


GOOD = [
    ("boolean", True), ("boolean", False),
    ("integer", 0), ("integer", -(2**31)), ("integer", 2**31 - 1),
    ("unsignedInt", 0), ("positiveInt", 1),
    ("decimal", 0), ("decimal", -12), ("decimal", raw("1.00")), ("decimal", raw("0.0000000001")),
    ("decimal", raw("1e5")), ("decimal", raw("-1.5E-308")), ("decimal", raw("123456789012345678901.5")),
    ("string", "a"), ("string", "tab\tline\r\n"), ("string", "caf\u00e9\u00a0\U0001f48a"),
    ("string", "x" * ONE_MEGABYTE), ("markdown", "# a\n"),
    ("date", "2023"), ("date", "2023-02"), ("date", "2024-02-29"), ("date", "1900-12-31"),
    ("dateTime", "2023"), ("dateTime", "2023-01-31T23:59:60Z"), ("dateTime", "2023-01-01T00:00:00.123456789+14:00"),
    ("instant", "2015-02-07T13:28:17.239+02:00"), ("time", "23:59:60"), ("time", "00:00:00.5"),
    ("id", "A-z.9"), ("id", "x" * 64), ("code", "a"), ("code", "a b"),
    ("uri", "urn:uuid:x"), ("url", "https://a.example/?q=1"), ("canonical", "http://a.example|1"),
    ("oid", "urn:oid:1.2.0.33"), ("uuid", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
    ("base64Binary", "QQ=="), ("base64Binary", "QUFB\r\n QUFB"), ("base64Binary", "+/Aa"),
]  # fmt: skip

BAD = [
    ("boolean", "true"), ("boolean", 1), ("boolean", None),
    ("integer", 2**31), ("integer", -(2**31) - 1), ("integer", raw("1.0")), ("integer", "1"), ("integer", True),
    ("unsignedInt", -1), ("positiveInt", 0), ("positiveInt", raw("1e2")), ("positiveInt", raw("9" * 30)),
    ("decimal", "1.0"), ("decimal", True), ("decimal", raw("1e400")), ("decimal", raw("1e-400")),
    ("decimal", raw("1e99999999999999999999")), ("decimal", raw("9" * 400 + ".5")), ("decimal", 10**309),
    ("decimal", raw("123456789e305")),
    ("string", ""), ("string", 1), ("string", "a\x00"), ("string", "\x1b[31m"), ("string", "x" * (ONE_MEGABYTE + 1)),
    ("markdown", ""), ("markdown", "a\x0b"),
    ("date", "2023-02-29"), ("date", "2023-02-30"), ("date", "2023-04-31"), ("date", "1900-02-29"),
    ("date", "2023-13"), ("date", "23-01-01"), ("date", "0000"), ("date", "2023-1-1"), ("date", "2023-01-01T00:00:00Z"),
    ("date", "2023-W01-1"), ("date", "2023-01-01\n"), ("date", "\u0662\u0660\u0662\u0663"),
    ("dateTime", "2023-01-01T10:00:00"), ("dateTime", "2023-01-01T10:00Z"), ("dateTime", "2023-02-30T10:00:00Z"),
    ("dateTime", "2023-01-01T24:00:00Z"), ("dateTime", "2023-01-01T10:00:00+14:01"),
    ("dateTime", "2023-01-01 10:00:00Z"),
    ("instant", "2023"), ("instant", "2023-01-01"), ("instant", "2023-02-29T00:00:00Z"),
    ("time", "24:00:00"), ("time", "10:00"), ("time", "10:00:00Z"),
    ("id", "a b"), ("id", ""), ("id", "x" * 65), ("id", "a_b"), ("id", "a\n"), ("id", "a/b"),
    ("code", " a"), ("code", "a "), ("code", "a  b"), ("code", ""),
    ("uri", "a b"), ("uri", ""), ("url", "http://a\n"), ("canonical", "a\tb"),
    ("oid", "1.2.3"), ("oid", "urn:oid:3.1"), ("oid", "urn:oid:1.02"),
    ("uuid", "c757873d-ec9a-4326-a141-556f43239520"), ("uuid", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"),
    ("base64Binary", "QQ="), ("base64Binary", "Q"), ("base64Binary", "Q!=="), ("base64Binary", " "),
    ("base64Binary", ""), ("base64Binary", "QQ==QQ=="), ("base64Binary", "\u00e9AAA"), ("base64Binary", 1),
]  # fmt: skip


def shown(value):
    text = repr(bytes(value) if isinstance(value, msgspec.Raw) else value)
    return ascii(text[:40])


@pytest.mark.parametrize(("name", "value"), GOOD, ids=shown)
def test_a_well_formed_primitive_is_accepted(name, value):
    assert accepts(name, value)


@pytest.mark.parametrize(("name", "value"), BAD, ids=shown)
def test_a_malformed_primitive_is_refused(name, value):
    assert not accepts(name, value)


def test_every_primitive_type_has_a_check():
    types = load_definitions().types.values()
    assert {t.name for t in types if t.kind == "primitive-type"} == CHECKS.keys()


def test_more_digits_than_every_receiver_holds_are_advised_against():
    (advice,) = CHECKS["decimal"](raw("0.1234567890123456789"), {}, State())
    assert advice.severity == "warning"
    assert "18 significant digits" in advice.diagnostics


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_long_value_is_quoted_only_in_part(name):
    (finding,) = CHECKS[name]("<\x01 " * 1000, {}, State())
    assert len(finding.diagnostics) < 400
