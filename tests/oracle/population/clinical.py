"""What is known and observed of patients."""

from tests.oracle.population import pools
from tests.oracle.population.maker import HL7, Json, Maker, sparse


def an_observation(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        basedOn=m.some(lambda: m.reference("MedicationRequest", "ServiceRequest"), 1),
        status=m.code("registered preliminary final amended"),
        category=m.some(m.concept, 1),
        code={"coding": [m.coding()]},
        subject=m.maybe(0.9, lambda: m.reference("Patient", "Patient", "Patient", "Group", "Location")),
        encounter=m.maybe(0.4, lambda: m.reference("Encounter")),
        performer=m.some(lambda: m.reference("Practitioner", "Organization", "Patient")),
        method=m.maybe(0.3, m.concept),
        hasMember=m.some(lambda: m.reference("Observation"), 1),
        derivedFrom=m.some(lambda: m.reference("Observation", "DocumentReference"), 1),
        **(m.maybe(0.9, lambda: when_effective(m)) or {}),
        **finding(m),
    )


def when_effective(m: Maker) -> Json:
    return m.either(
        effectiveDateTime=m.moment, effectivePeriod=m.period, effectiveTiming=m.timing, effectiveInstant=m.instant
    )


def finding(m: Maker) -> Json:
    """A value, components with a code of their own, or why there is none (obs-6, obs-7)."""
    shape = m.rng.random()
    if shape < 0.2:
        return {"dataAbsentReason": m.concept()}
    if shape < 0.45:
        return {"component": m.some(lambda: a_component(m), 3, 1)}
    return a_value(m)


def a_value(m: Maker) -> Json:
    return m.either(
        valueQuantity=m.quantity,
        valueCodeableConcept=m.concept,
        valueString=lambda: m.one(pools.TEXTS),
        valueDateTime=m.moment,
        valuePeriod=m.period,
    )


def a_component(m: Maker) -> Json:
    value = m.either(valueQuantity=m.quantity, valueCodeableConcept=m.concept, dataAbsentReason=m.concept)
    return {"code": m.concept(), **value}


def an_allergy_intolerance(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        clinicalStatus=m.bound("allergyintolerance-clinical", "active inactive resolved"),
        verificationStatus=m.maybe(
            0.5, lambda: m.bound("allergyintolerance-verification", "unconfirmed confirmed refuted")
        ),
        type=m.maybe(0.6, lambda: m.code("allergy intolerance")),
        category=m.some(lambda: m.code("food medication environment biologic")),
        criticality=m.maybe(0.6, lambda: m.code("low high unable-to-assess")),
        code=m.maybe(0.9, m.concept),
        patient=m.reference("Patient"),
        recordedDate=m.maybe(0.7, m.moment),
        recorder=m.maybe(0.4, lambda: m.reference("Practitioner", "Patient")),
        asserter=m.maybe(0.4, lambda: m.reference("Practitioner", "Patient")),
        lastOccurrence=m.maybe(0.5, m.moment),
        note=m.some(m.note, 1),
        reaction=m.some(lambda: a_reaction(m)),
    )


def a_reaction(m: Maker) -> Json:
    return sparse(
        substance=m.maybe(0.5, m.concept),
        manifestation=m.some(m.concept, 2, 1),
        onset=m.maybe(0.5, m.moment),
        severity=m.maybe(0.5, lambda: m.code("mild moderate severe")),
        exposureRoute=m.maybe(0.4, m.concept),
    )


def a_condition(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        clinicalStatus=m.bound("condition-clinical", "inactive remission resolved"),
        verificationStatus=m.maybe(0.5, lambda: m.bound("condition-ver-status", "unconfirmed confirmed provisional")),
        category=m.some(m.concept, 1),
        severity=m.maybe(0.4, m.concept),
        code=m.maybe(0.9, m.concept),
        bodySite=m.some(m.concept),
        subject=m.reference("Patient", "Patient", "Group"),
        encounter=m.maybe(0.4, lambda: m.reference("Encounter")),
        recordedDate=m.maybe(0.6, m.moment),
        asserter=m.maybe(0.4, lambda: m.reference("Practitioner", "Patient")),
        evidence=m.maybe(0.4, lambda: [{"code": [m.concept()], "detail": [m.reference("Observation")]}]),
        note=m.some(m.note, 1),
        **onset_or_abatement(m, "onset"),
        **onset_or_abatement(m, "abatement"),
    )


def onset_or_abatement(m: Maker, name: str) -> Json:
    makers = {
        f"{name}DateTime": m.moment,
        f"{name}Period": m.period,
        f"{name}Age": m.age,
        f"{name}Range": lambda: m.range("d"),
        f"{name}String": lambda: m.one(pools.TEXTS),
    }
    return m.either(**makers) if m.chance(0.7) else {}


def an_encounter(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.code("planned arrived in-progress finished cancelled"),
        **{"class": {"system": f"{HL7}v3-ActCode", "code": m.code("AMB EMER IMP")}},
        type=m.some(m.concept, 1),
        subject=m.maybe(0.9, lambda: m.reference("Patient", "Patient", "Group")),
        participant=m.some(
            lambda: {"type": [m.concept()], "individual": m.reference("Practitioner", "PractitionerRole")}
        ),
        appointment=m.some(lambda: m.reference("Appointment"), 1),
        period=m.maybe(0.8, m.period),
        length=m.maybe(0.5, lambda: m.age(("min", "h"))),
        reasonCode=m.some(m.concept, 1),
        location=m.some(lambda: sparse(location=m.reference("Location"), period=m.maybe(0.5, m.period))),
        serviceProvider=m.maybe(0.5, lambda: m.reference("Organization")),
        partOf=m.maybe(0.3, lambda: m.reference("Encounter")),
    )


def a_risk_assessment(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.code("registered preliminary final amended"),
        method=m.maybe(0.4, m.concept),
        subject=m.reference("Patient", "Group"),
        encounter=m.maybe(0.4, lambda: m.reference("Encounter")),
        condition=m.maybe(0.4, lambda: m.reference("Condition")),
        performer=m.maybe(0.5, lambda: m.reference("Practitioner")),
        prediction=m.some(lambda: a_prediction(m), 2),
        **(m.maybe(0.8, lambda: m.either(occurrenceDateTime=m.moment, occurrencePeriod=m.period)) or {}),
    )


def a_prediction(m: Maker) -> Json:
    """Probabilities are per cent, at most 100 (ras-2)."""
    probability = m.maybe(
        0.8,
        lambda: m.either(
            probabilityDecimal=lambda: min(abs(m.number()), 100),
            probabilityRange=lambda: a_probability_range(m),
        ),
    )
    return sparse(outcome=m.concept(), qualitativeRisk=m.maybe(0.5, m.concept), **(probability or {}))


def a_probability_range(m: Maker) -> Json:
    ends = m.range("%")
    for end in ends.values():
        end["value"] = min(end["value"], 100)
    return ends


def an_appointment(m: Maker) -> Json:
    return sparse(
        identifier=m.some(m.identifier, 1),
        status=m.code("proposed pending"),
        serviceType=m.some(m.concept, 1),
        specialty=m.some(m.concept, 1),
        appointmentType=m.maybe(0.4, m.concept),
        reasonCode=m.some(m.concept, 1),
        basedOn=m.some(lambda: m.reference("ServiceRequest"), 1),
        participant=m.some(lambda: a_participant(m), 3, 1),
        **(m.maybe(0.7, lambda: a_slot(m)) or {}),
    )


def a_participant(m: Maker) -> Json:
    return {
        "actor": m.reference("Patient", "Practitioner", "Location"),
        "status": m.code("accepted declined tentative"),
    }


def a_slot(m: Maker) -> Json:
    """An hour, as two instants."""
    day = m.one(pools.DAYS)
    zone = m.one(pools.ZONES)
    return {"start": f"{day}T09:00:00{zone}", "end": f"{day}T10:00:00{zone}"}
