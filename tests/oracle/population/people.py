"""Patients, practitioners and places."""

from decimal import Decimal

from tests.oracle.population import pools
from tests.oracle.population.maker import HL7, Json, Maker, sparse


def a_patient(m: Maker) -> Json:
    deceased = m.maybe(0.4, lambda: m.either(deceasedBoolean=lambda: m.chance(0.5), deceasedDateTime=m.moment))
    return sparse(
        identifier=m.some(m.identifier),
        active=m.maybe(0.7, lambda: m.chance(0.7)),
        name=m.some(m.name),
        telecom=m.some(m.contact),
        gender=m.maybe(0.8, lambda: m.code("male female other unknown")),
        birthDate=m.maybe(0.9, m.day),
        address=m.some(m.address),
        generalPractitioner=m.some(lambda: m.reference("Practitioner", "Organization", "PractitionerRole")),
        managingOrganization=m.maybe(0.3, lambda: m.reference("Organization")),
        link=m.maybe(0.1, lambda: [{"other": m.reference("Patient"), "type": m.code("seealso refer")}]),
        communication=m.maybe(
            0.3, lambda: [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": m.code("de fr-CH en")}]}}]
        ),
        **(deceased or {}),
    )


def a_practitioner(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier),
        active=m.maybe(0.7, lambda: m.chance(0.7)),
        name=m.some(m.name),
        telecom=m.some(m.contact),
        address=m.some(m.address, 1),
        gender=m.maybe(0.7, lambda: m.code("male female other unknown")),
        communication=m.some(m.concept, 1),
    )


def a_practitioner_role(m: Maker) -> Json:
    return sparse(
        active=m.maybe(0.7, lambda: m.chance(0.7)),
        period=m.maybe(0.6, m.period),
        practitioner=m.maybe(0.8, lambda: m.reference("Practitioner")),
        organization=m.maybe(0.8, lambda: m.reference("Organization")),
        code=m.some(m.concept, 1),
        specialty=m.some(m.concept),
        location=m.some(lambda: m.reference("Location")),
        telecom=m.some(m.contact, 1),
    )


def an_organization(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        active=m.maybe(0.7, lambda: m.chance(0.7)),
        type=m.some(m.concept, 1),
        name=m.one(pools.NAMES),
        alias=m.some(lambda: m.one(pools.NAMES)),
        address=m.some(lambda: m.address("work temp"), 1),
        partOf=m.maybe(0.6, lambda: m.reference("Organization")),
    )


def a_location(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.maybe(0.7, lambda: m.code("active suspended inactive")),
        operationalStatus=m.maybe(0.4, lambda: {"system": f"{HL7}v2-0116", "code": m.code("C H O")}),
        name=m.maybe(0.9, lambda: m.one(pools.NAMES)),
        alias=m.some(lambda: m.one(pools.NAMES), 1),
        type=m.some(m.concept, 1),
        address=m.maybe(0.7, m.address),
        position=m.maybe(0.7, lambda: a_position(m)),
        managingOrganization=m.maybe(0.6, lambda: m.reference("Organization")),
        partOf=m.maybe(0.4, lambda: m.reference("Location")),
    )


def a_position(m: Maker) -> Json:
    latitude, longitude = m.one(pools.PLACES)
    return {"longitude": Decimal(longitude), "latitude": Decimal(latitude)}


def a_group(m: Maker) -> Json:
    actual = m.chance(0.6)
    return sparse(
        identifier=m.some(m.identifier, 1),
        type="person",
        actual=actual,
        code=m.maybe(0.6, m.concept),
        managingEntity=m.maybe(0.5, lambda: m.reference("Organization", "Practitioner")),
        characteristic=m.some(lambda: a_characteristic(m), 3),
        member=m.some(lambda: {"entity": m.reference("Patient", "Practitioner")}, 3) if actual else None,
    )


def a_characteristic(m: Maker) -> Json:
    value = m.either(
        valueCodeableConcept=m.concept,
        valueBoolean=lambda: m.chance(0.5),
        valueQuantity=m.quantity,
        valueReference=lambda: m.reference("Organization"),
    )
    return {"code": m.concept(), "exclude": m.chance(0.3), **value}
