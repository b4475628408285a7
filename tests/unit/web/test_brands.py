"""User-access brands: what an operator may publish, and what a start refuses."""

import copy
import json

import pytest

from fhir_server.identity.issuer import Issuer
from fhir_server.web.brands import ABSENT, read_brands
from tests.builders.brands import BRANDS


def changed(change):
    bundle = copy.deepcopy(BRANDS)
    change(bundle, bundle["entry"][0]["resource"])
    return json.dumps(bundle).encode()


def test_what_is_published_is_the_operators_file_byte_by_byte():
    body = json.dumps(BRANDS, indent=3).encode()
    brands = read_brands(body)
    assert brands.body == body
    assert brands.configuration(Issuer("https://corner.example/fhir")) == {
        "user_access_brand_bundle": "https://corner.example/auth/brands.json",
        "user_access_brand_identifier": {"system": "urn:ietf:rfc:3986", "value": "https://corner.example"},
    }


def absent(reason):
    return lambda _, brand: brand.update(address=[{"extension": [{"url": ABSENT, "valueCode": reason}]}])


@pytest.mark.parametrize("reason", ["asked-declined", "asked-unknown"])
def test_a_brand_may_have_been_asked_in_vain(reason):
    assert read_brands(changed(absent(reason)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda bundle, _: bundle.pop("timestamp"), "timestamp"),
        (lambda bundle, _: bundle.update(resourceType="Organization"), "no FHIR Bundle"),
        (lambda _, brand: brand.pop("meta"), "lastUpdated"),
        (lambda _, brand: brand.pop("identifier"), "identifier"),
        (lambda _, brand: brand["identifier"][0].pop("value"), "a value"),
        (lambda _, brand: brand["identifier"][0].pop("system"), "a system"),
        (lambda _, brand: brand.pop("endpoint"), "each Endpoint"),
        (lambda bundle, brand: bundle["entry"].append({"resource": {**brand, "id": "other"}}), "another one too"),
        (lambda bundle, _: bundle["entry"].pop(0), "identifier"),
        (absent("unknown"), "asked-declined"),
    ],
)
def test_what_cannot_be_published_is_said_in_a_sentence(change, said):
    with pytest.raises(ValueError, match=said):
        read_brands(changed(change))
