"""Who is in the store, and the formulary: what is there before the first prescription."""

from datetime import date, timedelta

from tests.benchmarks.search.chance import Chance, Resource, concept, reference
from tests.benchmarks.search.systems import HL7, INSURANCE, MRN, NDC, NPI, RXNORM, SNOMED, US_CORE
from tests.benchmarks.search.words import CITIES, DRUGS, FAMILIES, GIVENS

BORN_FROM = date(1930, 1, 1)
BORN_DAYS = 93 * 365
LANGUAGES = {"en": 80, "es": 12, "fr": 4, "de": 3, "zh": 1}
GENDERS = {"female": 52, "male": 46, "other": 1, "unknown": 1}


def organization(chance: Chance, number: int) -> Resource:
    kind = concept(f"{HL7}/organization-type", "prov", "Healthcare Provider")
    return {
        "identifier": [{"system": NPI, "value": f"{2_000_000_000 + number}"}],
        "active": True,
        "type": [kind],
        "name": f"{chance.choice(FAMILIES)} Pharmacy {number + 1}",
        "telecom": _telecom(number, "work"),
        "address": [_address(chance)],
    }


def practitioner(chance: Chance, number: int) -> Resource:
    degree = concept(f"{HL7}/v2-0360", "MD", "Doctor of Medicine")
    return {
        "identifier": [{"system": NPI, "value": f"{1_000_000_000 + number}"}],
        "active": True,
        "name": [human_name(chance) | {"prefix": ["Dr."]}],
        "telecom": _telecom(number, "work"),
        "address": [_address(chance)],
        "qualification": [{"code": degree, "period": {"start": _day(chance).isoformat()}}],
    }


def medication(chance: Chance, number: int) -> Resource:
    drug = DRUGS[number % len(DRUGS)]
    strength = {"numerator": {"value": drug.strength_mg, "unit": "mg"}, "denominator": {"value": 1, "unit": drug.form}}
    substance = concept(RXNORM, str(1_000 + DRUGS.index(drug) % 101), drug.ingredient)
    return {
        "identifier": [{"system": NDC, "value": f"{10000 + number:05}-{number % 1000:04}-01"}],
        "code": concept(RXNORM, rxnorm(number), drug.display),
        "status": "active",
        "form": concept(SNOMED, "385055001", f"{drug.form.capitalize()} dose form"),
        "ingredient": [{"itemCodeableConcept": substance, "isActive": True, "strength": strength}],
        "batch": {"lotNumber": f"L{number:06}", "expirationDate": f"{chance.randrange(2027, 2030)}-06-30"},
    }


def patient(chance: Chance, number: int, doctor: Resource, pharmacy: Resource) -> Resource:
    name = human_name(chance)
    return {
        "meta": {"profile": [f"{US_CORE}/us-core-patient"]},
        "identifier": [_medical_record(number), {"system": INSURANCE, "value": f"H{number * 7919 % 10**9:09}"}],
        "active": True,
        "name": [name, {"use": "nickname", "given": [name["given"][0][:3]]}],
        "telecom": [*_telecom(number, "home"), *_telecom(number + 5_000_000, "mobile")],
        "gender": chance.weighted(GENDERS),
        "birthDate": _day(chance).isoformat(),
        "address": [_address(chance)],
        "maritalStatus": concept(f"{HL7}/v3-MaritalStatus", "M", "Married"),
        "contact": [_contact(chance, number)],
        "communication": [{"language": _language(chance), "preferred": True}],
        "generalPractitioner": [doctor],
        "managingOrganization": pharmacy,
    }


def rxnorm(number: int) -> str:
    return str(310_000 + number)


def display_of(person: Resource) -> str:
    name = person["name"][0]
    return f"{name['family']}, {name['given'][0]}"


def human_name(chance: Chance) -> Resource:
    return {"use": "official", "family": chance.zipf(FAMILIES), "given": [chance.zipf(GIVENS), chance.zipf(GIVENS)]}


def _medical_record(number: int) -> Resource:
    kind = concept(f"{HL7}/v2-0203", "MR", "Medical record number")
    assigner = reference("Organization", 0)
    return {"use": "usual", "type": kind, "system": MRN, "value": f"{number:08}", "assigner": assigner}


def _contact(chance: Chance, number: int) -> Resource:
    mother = concept(f"{HL7}/v3-RoleCode", "MTH", "mother")
    return {"relationship": [mother], "name": human_name(chance), "telecom": _telecom(number + 7_000_000, "mobile")}


def _language(chance: Chance) -> Resource:
    return {"coding": [{"system": "urn:ietf:bcp:47", "code": chance.weighted(LANGUAGES)}]}


def _telecom(number: int, use: str) -> list[Resource]:
    phone = {"system": "phone", "value": f"+1-555-{number % 10**7:07}", "use": use}
    return [phone, {"system": "email", "value": f"p{number}@mail.example", "use": use}]


def _address(chance: Chance) -> Resource:
    street = f"{chance.randrange(1, 400)} {chance.choice(FAMILIES)} Street"
    return {
        "use": "home",
        "line": [street, f"Apartment {chance.randrange(1, 90)}"],
        "city": chance.zipf(CITIES),
        "state": "MA",
        "postalCode": f"{chance.randrange(1_000, 3_000):05}",
        "country": "US",
        "period": {"start": _day(chance).isoformat()},
    }


def _day(chance: Chance) -> date:
    """More of the old than of the young: pharmacies' patients."""
    return BORN_FROM + timedelta(int(BORN_DAYS * chance.random() ** 1.5))
