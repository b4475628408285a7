"""Medications and what is done with them."""

from tests.oracle.population import pools
from tests.oracle.population.maker import Json, Maker, sparse


def a_medication(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        code=m.maybe(0.9, m.concept),
        status=m.maybe(0.7, lambda: m.code("active inactive entered-in-error")),
        manufacturer=m.maybe(0.5, lambda: m.reference("Organization")),
        form=m.maybe(0.5, m.concept),
        ingredient=m.some(lambda: an_ingredient(m)),
        batch=m.maybe(0.6, lambda: {"lotNumber": m.one(pools.IDENTIFIER_VALUES), "expirationDate": m.moment()}),
    )


def an_ingredient(m: Maker) -> Json:
    return m.either(itemCodeableConcept=m.concept, itemReference=lambda: m.reference("Medication"))


def which_medication(m: Maker) -> Json:
    return m.either(medicationCodeableConcept=m.concept, medicationReference=lambda: m.reference("Medication"))


def a_medication_request(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.code("active on-hold cancelled completed stopped draft unknown"),
        intent=m.code("proposal plan order filler-order"),
        category=m.some(m.concept, 1),
        priority=m.maybe(0.5, lambda: m.code("routine urgent asap stat")),
        subject=m.reference("Patient", "Patient", "Group"),
        encounter=m.maybe(0.5, lambda: m.reference("Encounter")),
        authoredOn=m.maybe(0.9, m.moment),
        requester=m.maybe(0.7, lambda: m.reference("Practitioner", "PractitionerRole", "Organization", "Patient")),
        performer=m.maybe(0.3, lambda: m.reference("Practitioner", "Organization")),
        performerType=m.maybe(0.3, m.concept),
        note=m.some(m.note, 1),
        dosageInstruction=m.maybe(0.4, lambda: [{"text": m.one(pools.TEXTS), "timing": m.timing()}]),
        dispenseRequest=m.maybe(0.3, lambda: {"performer": m.reference("Organization")}),
        **which_medication(m),
    )


def a_medication_dispense(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.code("preparation in-progress on-hold completed stopped declined"),
        subject=m.maybe(0.9, lambda: m.reference("Patient", "Patient", "Group")),
        context=m.maybe(0.4, lambda: m.reference("Encounter")),
        performer=m.some(lambda: {"actor": m.reference("Practitioner", "Organization")}),
        authorizingPrescription=m.some(lambda: m.reference("MedicationRequest")),
        type=m.maybe(0.4, m.concept),
        destination=m.maybe(0.4, lambda: m.reference("Location")),
        receiver=m.some(lambda: m.reference("Patient", "Practitioner"), 1),
        **which_medication(m),
        **m.either(whenPrepared=m.moment, whenHandedOver=m.moment),
    )


def a_medication_administration(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.code("in-progress not-done on-hold completed stopped"),
        statusReason=m.some(m.concept, 1),
        subject=m.reference("Patient", "Patient", "Group"),
        context=m.maybe(0.4, lambda: m.reference("Encounter")),
        performer=m.some(lambda: {"actor": m.reference("Practitioner", "Patient")}),
        reasonCode=m.some(m.concept, 1),
        request=m.maybe(0.6, lambda: m.reference("MedicationRequest")),
        **which_medication(m),
        **m.either(effectiveDateTime=m.moment, effectivePeriod=m.period),
    )


def a_medication_statement(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.code("active completed intended stopped on-hold unknown not-taken"),
        category=m.maybe(0.4, m.concept),
        subject=m.reference("Patient", "Patient", "Group"),
        context=m.maybe(0.4, lambda: m.reference("Encounter")),
        informationSource=m.maybe(0.4, lambda: m.reference("Patient", "Practitioner", "Organization")),
        partOf=m.some(lambda: m.reference("MedicationDispense", "Observation"), 1),
        **which_medication(m),
        **(m.maybe(0.9, lambda: m.either(effectiveDateTime=m.moment, effectivePeriod=m.period)) or {}),
    )


def a_service_request(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        instantiatesCanonical=m.some(lambda: m.one(pools.CANONICALS)),
        instantiatesUri=m.some(lambda: m.one(pools.URIS)),
        status=m.code("draft active on-hold revoked completed unknown"),
        intent=m.code("proposal plan order option"),
        category=m.some(m.concept, 1),
        priority=m.maybe(0.5, lambda: m.code("routine urgent asap stat")),
        code=m.maybe(0.8, m.concept),
        subject=m.reference("Patient", "Patient", "Group", "Location"),
        encounter=m.maybe(0.4, lambda: m.reference("Encounter")),
        basedOn=m.some(lambda: m.reference("ServiceRequest", "MedicationRequest"), 1),
        replaces=m.some(lambda: m.reference("ServiceRequest"), 1),
        requisition=m.maybe(0.3, m.identifier),
        authoredOn=m.maybe(0.7, m.moment),
        requester=m.maybe(0.6, lambda: m.reference("Practitioner", "Organization", "Patient")),
        performer=m.some(lambda: m.reference("Practitioner", "Organization")),
        bodySite=m.some(m.concept, 1),
        **(m.maybe(0.9, lambda: when_occurring(m)) or {}),
    )


def when_occurring(m: Maker) -> Json:
    return m.either(occurrenceDateTime=m.moment, occurrencePeriod=m.period, occurrenceTiming=m.timing)


def a_task(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        basedOn=m.some(lambda: m.reference("MedicationRequest", "ServiceRequest"), 1),
        groupIdentifier=m.maybe(0.3, m.identifier),
        partOf=m.some(lambda: m.reference("Task"), 1),
        status=m.code("draft requested received accepted in-progress completed failed"),
        businessStatus=m.maybe(0.4, m.concept),
        intent=m.code("unknown proposal plan order"),
        priority=m.maybe(0.5, lambda: m.code("routine urgent asap stat")),
        code=m.maybe(0.6, m.concept),
        focus=m.maybe(0.6, lambda: m.reference("MedicationRequest", "MedicationDispense", "Observation")),
        **{"for": m.maybe(0.8, lambda: m.reference("Patient", "Group"))},
        encounter=m.maybe(0.3, lambda: m.reference("Encounter")),
        executionPeriod=m.maybe(0.6, m.period),
        authoredOn=m.maybe(0.4, m.moment),
        requester=m.maybe(0.6, lambda: m.reference("Practitioner", "Organization", "Patient")),
        performerType=m.some(m.concept, 1),
        owner=m.maybe(0.6, lambda: m.reference("Practitioner", "Organization", "PractitionerRole")),
        note=m.some(m.note, 1),
    )
