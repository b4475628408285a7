"""What was sent comes back: POST -> GET, numbers compared as text."""

import json
from pathlib import Path

import pytest

from fhir_server.model.definitions import load_definitions
from tests.acceptance.outcomes import diagnostics, exact, refused
from tests.acceptance.test_corpus_validation import REFUSED
from tests.builders.resources import a_patient, a_quantity, an_observation

SAMPLE_STEP = 4
"""At reduced counts every fourth official example makes the trip, and all that are refused."""


def round_trip(client, text):
    """The resource as it is read back, without what the server writes into it."""
    resource = exact(text)
    created = client.post(f"/{resource['resourceType']}", content=text.encode())
    assert created.status_code == 201, created.text
    return without_stamps(exact(client.get(created.headers["Location"]).content))


def without_stamps(resource):
    """Id, versionId and lastUpdated are the server's."""
    rest = {name: value for name, value in resource.items() if name != "id"}
    meta = {name: value for name, value in rest.pop("meta", {}).items() if name not in ("versionId", "lastUpdated")}
    return rest | ({"meta": meta} if meta else {})


def order(value):
    """Names of members at every depth, in their order."""
    if isinstance(value, dict):
        return [(name, order(child)) for name, child in value.items() if name not in ("id", "meta")]
    return [order(child) for child in value] if isinstance(value, list) else None


def refused_or_equal(client, file: Path) -> bool:
    """Whether the file made the trip; it is either refused for the fault in it or comes back equal."""
    text = file.read_bytes()
    if file.name not in REFUSED:
        assert round_trip(client, text.decode()) == without_stamps(exact(text)), file.name
        return True
    rule, place = REFUSED[file.name]
    outcome = refused(client.post(f"/{json.loads(text)['resourceType']}", content=text), 400, 422)
    assert rule in diagnostics(outcome)
    assert outcome["issue"][0]["expression"] == [place]
    return False


@pytest.mark.corpus
def test_the_official_examples_come_back_equal_or_are_refused_for_their_fault(client, corpus, at_full_counts):
    files = sorted((corpus / "examples/r4-official").glob("*.json"))
    assert len(files) == 719
    stored = [file for file in files if json.loads(file.read_bytes())["resourceType"] != "AuditEvent"]
    assert len(files) - len(stored) == 9  # nobody writes those: test_audit_trail.py
    stored.remove(corpus / "examples/r4-official/Subscription-example-error.json")  # its status is the server's to give
    sample = [f for n, f in enumerate(stored) if at_full_counts or n % SAMPLE_STEP == 0 or f.name in REFUSED]
    results = [refused_or_equal(client, file) for file in sample]
    print(f"{results.count(True)} came back equal, {results.count(False)} were refused, {len(files)} in all")
    assert results.count(False) == len(REFUSED) <= 10


NUMBERS = ["0", "1", "-1", "1.00", "1.0", "0.10", "-0.0", "-0", "1e5", "1E5", "1E-7", "1.5e+3", "100e-2"]
LONG = ["0.0000000001", "1234567890123456789", "0.1234567890123456789", "9007199254740993", "1e300"]


@pytest.mark.parametrize("number", NUMBERS + LONG)
def test_a_decimal_comes_back_as_it_was_written(client, number):
    text = a_quantity(number)
    assert round_trip(client, text)["valueQuantity"]["value"] == ("number", number)


NONE = ["1e400", "1e999999999", "1" * 65, "0." + "1" * 70, "01", "+1", ".5", "1.", "0x1", "1_0", "NaN"]


@pytest.mark.parametrize("number", NONE)
def test_a_number_that_is_none_or_past_all_measure_is_refused(client, number):
    refused(client.post("/Observation", content=a_quantity(number)), 400, 422)


@pytest.mark.parametrize("number", ["1.0", "1e2", "2147483648", "-2147483649", "1.5"])
def test_an_integer_with_a_fraction_or_out_of_range_is_refused(client, number):
    text = f'{{"resourceType":"Patient","multipleBirthInteger":{number}}}'
    refused(client.post("/Patient", content=text), 400, 422)


TEXTS = {
    "primitive extensions": a_patient(
        _birthDate={"id": "b", "extension": [{"url": "http://example.org/time", "valueDateTime": "1970-01-01"}]},
        birthDate="1970-01-01",
    ),
    "a primitive that is an extension only": a_patient(
        _gender={"extension": [{"url": "http://example.org/absent", "valueCode": "unknown"}]}
    ),
    "nulls that align": {
        "resourceType": "Patient",
        "name": [
            {
                "given": ["A", None, "C"],
                "_given": [None, {"id": "second", "extension": [{"url": "u", "valueId": "i"}]}, None],
            }
        ],
    },
    "ids of elements": a_patient(identifier=[{"id": "i1", "value": "1"}], contact=[{"id": "c", "name": {"text": "x"}}]),
    "contained resources": a_patient(
        contained=[{"resourceType": "Organization", "id": "o1", "name": "Inside"}],
        managingOrganization={"reference": "#o1"},
    ),
    "emoji and combining characters": a_patient(
        "\N{PILL}\N{ZERO WIDTH JOINER}e\N{COMBINING ACUTE ACCENT} \N{LATIN SMALL LETTER E WITH ACUTE} שלום"
    ),
    "control characters that are allowed": an_observation(note=[{"text": "a\tb\r\nc"}]),
    "escapes": a_patient('"\\/ \u2028 \u007f </script>'),
    "meta of the client's own": a_patient(
        meta={
            "tag": [{"system": "http://example.org", "code": "t"}],
            "profile": ["http://example.org/p"],
            "source": "urn:x",
        }
    ),
    "a modifier extension": a_patient(modifierExtension=[{"url": "http://example.org/m", "valueBoolean": True}]),
    "dates of every precision": {
        "resourceType": "Patient",
        "birthDate": "1970",
        "deceasedDateTime": "2026-11-21T10:20:30.123456+05:30",
    },
    "references of every kind": an_observation(
        subject={"reference": "Patient/1/_history/2"},
        performer=[
            {"reference": "http://example.org/fhir/Practitioner/1"},
            {"reference": "urn:uuid:7b0d4bd9-9c9d-4ae6-9b0a-62a0ae7ea3a9"},
            {"identifier": {"value": "logical"}, "type": "Practitioner"},
        ],
    ),
}


@pytest.mark.parametrize("resource", TEXTS.values(), ids=TEXTS)
def test_it_comes_back_equal_and_in_order(client, resource):
    text = json.dumps(resource, ensure_ascii=False)
    back = round_trip(client, text)
    assert back == without_stamps(exact(text))
    assert order(back) == order(without_stamps(exact(text)))


def test_members_keep_the_order_they_were_sent_in(client):
    name = '[{"given":["B"],"family":"A","use":"usual"}]'
    text = f'{{"gender":"male","resourceType":"Patient","name":{name},"active":true}}'
    back = round_trip(client, text)
    assert list(back)[1:] == ["gender", "name", "active"]
    assert list(back["name"][0]) == ["given", "family", "use"]


def test_the_same_comes_back_from_an_update_a_version_and_a_search(client):
    text = a_quantity("1.00").replace("{", '{"id":"round-trip",', 1)
    client.put("/Observation/round-trip", content=text)
    client.put("/Observation/round-trip", content=text.replace("1.00", "1.000"))
    assert '"value":1.000}' in client.get("/Observation/round-trip").text
    assert '"value":1.00}' in client.get("/Observation/round-trip/_history/1").text
    assert '"value":1.000}' in client.get("/Observation?_id=round-trip").text
    assert '"value":1.00}' in client.get("/Observation/round-trip/_history").text


PRIMITIVES = {
    "base64Binary": "aGk=",
    "boolean": True,
    "canonical": "http://example.org/ValueSet/v|1",
    "code": "a",
    "date": "2026-11",
    "dateTime": "2026-11-21T10:00:00Z",
    "decimal": 1,
    "id": "i-1",
    "instant": "2026-11-21T10:00:00.000Z",
    "integer": -7,
    "markdown": "*a*",
    "oid": "urn:oid:1.2.3",
    "positiveInt": 1,
    "string": "a b",
    "time": "10:00:00",
    "unsignedInt": 0,
    "uri": "urn:x:y",
    "url": "http://example.org/a",
    "uuid": "urn:uuid:7b0d4bd9-9c9d-4ae6-9b0a-62a0ae7ea3a9",
}
COMPLEX = {
    "Address": {"city": "Utrecht"},
    "Age": {"value": 3, "unit": "a", "system": "http://unitsofmeasure.org", "code": "a"},
    "Annotation": {"text": "a"},
    "Attachment": {"contentType": "text/plain", "data": "aGk="},
    "CodeableConcept": {"text": "a"},
    "Coding": {"system": "http://example.org", "code": "a"},
    "ContactPoint": {"system": "phone", "value": "1"},
    "Count": {"value": 3, "system": "http://unitsofmeasure.org", "code": "1"},
    "Distance": {"value": 3, "system": "http://unitsofmeasure.org", "code": "m"},
    "Duration": {"value": 3, "system": "http://unitsofmeasure.org", "code": "h"},
    "HumanName": {"family": "A"},
    "Identifier": {"value": "1"},
    "Money": {"value": 1, "currency": "EUR"},
    "Period": {"start": "2026"},
    "Quantity": {"value": 1},
    "Range": {"low": {"value": 1}},
    "Ratio": {"numerator": {"value": 1}, "denominator": {"value": 2}},
    "Reference": {"reference": "Patient/1"},
    "SampledData": {"origin": {"value": 0}, "period": 1, "dimensions": 1, "data": "1 2 E"},
    "Signature": {
        "type": [{"system": "urn:iso-astm:E1762-95:2013", "code": "1.2.840.10065.1.12.1.1"}],
        "when": "2026-11-21T10:00:00Z",
        "who": {"display": "A"},
    },
    "Timing": {"event": ["2026"]},
    "ContactDetail": {"name": "A"},
    "Contributor": {"type": "author", "name": "A"},
    "DataRequirement": {"type": "Patient"},
    "Expression": {"language": "text/fhirpath", "expression": "true"},
    "ParameterDefinition": {"use": "in", "type": "string"},
    "RelatedArtifact": {"type": "citation"},
    "TriggerDefinition": {"type": "named-event", "name": "a"},
    "UsageContext": {"code": {"code": "a"}, "valueRange": {"low": {"value": 1}}},
    "Dosage": {"text": "1 daily"},
    "Meta": {"source": "urn:x"},
}


def test_an_extension_holds_a_value_of_every_type(client):
    values = PRIMITIVES | COMPLEX
    assert set(values) == extension_types()
    url = "http://example.org/value"
    extensions = [{"url": url, f"value{name[0].upper()}{name[1:]}": value} for name, value in values.items()]
    text = json.dumps(a_patient(extension=extensions))
    assert round_trip(client, text) == exact(text)


def extension_types():
    """The types of Extension.value[x] by the official definition."""
    [value] = [e for e in load_definitions().types["Extension"].elements if e.name.startswith("value")]
    return {one.name for one in value.types}
