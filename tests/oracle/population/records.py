"""Documents, lists, terminology, coverage, invoices and provenance."""

from tests.oracle.population import pools
from tests.oracle.population.maker import Json, Maker, sparse


def a_list(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.code("current retired"),
        mode="working",
        title=m.maybe(0.7, lambda: m.one(pools.TEXTS)),
        code=m.maybe(0.6, m.concept),
        subject=m.maybe(0.8, lambda: m.reference("Patient", "Group")),
        encounter=m.maybe(0.3, lambda: m.reference("Encounter")),
        date=m.maybe(0.8, m.moment),
        source=m.maybe(0.5, lambda: m.reference("Practitioner", "Patient")),
        note=m.some(m.note, 1),
        entry=m.some(
            lambda: {"item": {"reference": m.key("Patient", "MedicationRequest", "Observation", "Medication")}}, 6
        ),
    )


def a_document_reference(m: Maker) -> Json:
    return sparse(
        masterIdentifier=m.maybe(0.4, m.identifier),
        identifier=m.some(m.identifier, 1),
        status=m.code("current superseded"),
        type=m.maybe(0.6, m.concept),
        category=m.some(m.concept, 1),
        subject=m.maybe(0.8, lambda: m.reference("Patient", "Group", "Practitioner")),
        date=m.maybe(0.8, m.instant),
        author=m.some(lambda: m.reference("Practitioner", "Organization", "Patient")),
        authenticator=m.maybe(0.3, lambda: m.reference("Practitioner", "Organization")),
        custodian=m.maybe(0.4, lambda: m.reference("Organization")),
        relatesTo=m.some(lambda: a_relation(m)),
        description=m.maybe(0.6, lambda: m.one(pools.TEXTS)),
        securityLabel=m.some(m.concept, 1),
        content=m.some(lambda: an_attachment(m), 2, 1),
        context=m.maybe(0.5, lambda: a_context(m)),
    )


def a_relation(m: Maker) -> Json:
    return {"code": m.code("replaces transforms signs appends"), "target": m.reference("DocumentReference")}


def an_attachment(m: Maker) -> Json:
    attachment = sparse(
        contentType=m.code("application/pdf text/plain image/png"),
        language=m.maybe(0.3, lambda: m.code("de fr-CH en")),
        url=m.one(pools.URIS),
    )
    return sparse(attachment=attachment, format=m.maybe(0.4, m.coding))


def a_context(m: Maker) -> Json:
    return sparse(
        encounter=m.some(lambda: m.reference("Encounter"), 1),
        event=m.some(m.concept, 1),
        period=m.period(),
        facilityType=m.maybe(0.4, m.concept),
        related=m.some(lambda: m.reference("Observation", "MedicationRequest"), 1),
    )


def published(m: Maker) -> Json:
    """What ValueSets and CodeSystems share."""
    return sparse(
        url=m.maybe(0.9, lambda: m.one(pools.URIS)),
        identifier=m.some(m.identifier, 1),
        version=m.maybe(0.6, lambda: m.one(("1.0", "1.0.1", "2"))),
        name=m.maybe(0.7, lambda: m.one(("One", "OneTwo", "Two_3"))),
        title=m.maybe(0.7, lambda: m.one(pools.TEXTS)),
        status=m.code("draft active retired"),
        date=m.maybe(0.7, m.moment),
        publisher=m.maybe(0.5, lambda: m.one(pools.NAMES)),
        description=m.maybe(0.5, lambda: m.one(pools.TEXTS)),
        useContext=m.some(lambda: a_use(m)),
        jurisdiction=m.some(m.concept, 1),
    )


def a_use(m: Maker) -> Json:
    value = m.either(valueCodeableConcept=m.concept, valueQuantity=m.quantity, valueRange=lambda: m.range("h"))
    return {"code": m.coding(), **value}


def a_value_set(m: Maker) -> Json:
    include = {"system": m.one(pools.URIS[:3]), "concept": [{"code": m.one(pools.CODES)}]}
    return {**published(m), **sparse(compose=m.maybe(0.7, lambda: {"include": [include]}))}


def a_code_system(m: Maker) -> Json:
    concepts = [{"code": code} for code in m.rng.sample(pools.CODES, 3)]
    supplements = m.maybe(0.3, lambda: m.one(pools.CANONICALS))
    return {**published(m), "content": m.code("complete fragment"), **sparse(concept=concepts, supplements=supplements)}


def a_coverage(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.code("active cancelled draft"),
        type=m.maybe(0.6, m.concept),
        policyHolder=m.maybe(0.4, lambda: m.reference("Patient", "Organization")),
        subscriber=m.maybe(0.4, lambda: m.reference("Patient")),
        beneficiary=m.reference("Patient"),
        dependent=m.maybe(0.4, lambda: m.one(pools.IDENTIFIER_VALUES)),
        payor=m.some(lambda: m.reference("Organization", "Patient"), 2, 1),
        **{"class": m.some(lambda: {"type": m.concept(), "value": m.one(pools.TEXTS)})},
    )


def a_provenance(m: Maker) -> Json:
    return sparse(
        target=m.some(lambda: m.reference("MedicationRequest", "Observation", "Patient"), 3, 1),
        recorded=m.instant(),
        location=m.maybe(0.3, lambda: m.reference("Location")),
        agent=m.some(lambda: an_agent(m), 2, 1),
        entity=m.some(lambda: {"role": "source", "what": m.reference("DocumentReference")}, 1),
        **(m.maybe(0.7, lambda: m.either(occurredDateTime=m.moment, occurredPeriod=m.period)) or {}),
    )


def an_agent(m: Maker) -> Json:
    who = m.reference("Practitioner", "Organization", "Patient")
    return sparse(type=m.maybe(0.5, m.concept), role=m.some(m.concept, 1), who=who)


def an_invoice(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.code("draft issued balanced"),
        type=m.maybe(0.4, m.concept),
        subject=m.maybe(0.8, lambda: m.reference("Patient", "Group")),
        recipient=m.maybe(0.5, lambda: m.reference("Patient", "Organization")),
        date=m.maybe(0.8, m.moment),
        issuer=m.maybe(0.5, lambda: m.reference("Organization")),
        totalNet=m.maybe(0.7, lambda: money(m)),
        totalGross=m.maybe(0.7, lambda: money(m)),
    )


def money(m: Maker) -> Json:
    return {"value": m.number(), "currency": m.one(pools.CURRENCIES)}
