"""What goes out and what comes in. https://hl7.org/fhir/R4/http.html#mime-type."""

import pytest

from fhir_server.errors import NotAcceptable, UnsupportedMedia
from fhir_server.rest.negotiation import JSON_TYPES, body_type, response_type

FHIR = "application/fhir+json"
PLAIN = "application/json"


@pytest.mark.parametrize(
    ("accept", "format_parameter", "expected"),
    [
        (None, None, FHIR),
        ("", None, FHIR),
        ("*/*", None, FHIR),
        ("application/*", None, FHIR),
        (FHIR, None, FHIR),
        (PLAIN, None, PLAIN),
        ("text/json", None, FHIR),
        ("application/fhir+json; charset=utf-8", None, FHIR),
        ("application/fhir+json; fhirVersion=4.0", None, FHIR),
        ("application/xml;q=0.9, application/json;q=0.5", None, PLAIN),
        ("application/json;q=0.2, application/fhir+json;q=0.8", None, FHIR),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", None, FHIR),
        ("application/xml", "json", FHIR),
        ("text/html", "application/fhir json", FHIR),
    ],
)
def test_json_is_answered_to_whoever_takes_it(accept: str | None, format_parameter: str | None, expected: str) -> None:
    assert response_type(accept, format_parameter) == expected


@pytest.mark.parametrize(
    ("accept", "format_parameter"),
    [
        ("application/fhir+xml", None),
        ("text/html", None),
        ("garbage", None),
        ("application/fhir+json;q=0", None),
        ("application/fhir+json; fhirVersion=5.0", None),
        (FHIR, "xml"),
        (FHIR, "garbage"),
    ],
)
def test_what_we_do_not_speak_is_refused(accept: str, format_parameter: str | None) -> None:
    with pytest.raises(NotAcceptable):
        response_type(accept, format_parameter)


@pytest.mark.parametrize("content_type", [None, FHIR, PLAIN, "application/fhir+json;charset=UTF-8"])
def test_json_bodies_are_read(content_type: str | None) -> None:
    assert body_type(content_type, JSON_TYPES) in JSON_TYPES


@pytest.mark.parametrize("content_type", ["application/xml", "text/plain", "application/json;charset=latin-1", ""])
def test_other_bodies_are_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia):
        body_type(content_type, JSON_TYPES)
