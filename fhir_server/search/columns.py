"""The reviewed table of the columns patient, status and date: which element fills them for each type.

`patient` is the first patient compartment; `status` is the element of that name unless named here; the date is the
one a pharmacy sorts and filters by.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

STATUS: Final[Mapping[str, str]] = {"Slot": "status", "Encounter": "status"}

DATE: Final[Mapping[str, tuple[str, ...]]] = {
    "AllergyIntolerance": ("recordedDate",),
    "Appointment": ("start",),
    "AuditEvent": ("recorded",),
    "CarePlan": ("period",),
    "Claim": ("created",),
    "Communication": ("sent",),
    "CommunicationRequest": ("authoredOn",),
    "Composition": ("date",),
    "Condition": ("recordedDate",),
    "Consent": ("dateTime",),
    "DetectedIssue": ("identifiedDateTime", "identifiedPeriod"),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod"),
    "DocumentReference": ("date",),
    "Encounter": ("period",),
    "ExplanationOfBenefit": ("created",),
    "Immunization": ("occurrenceDateTime",),
    "Invoice": ("date",),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod"),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
    "Patient": ("birthDate",),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "Provenance": ("recorded",),
    "ServiceRequest": ("authoredOn",),
    "SupplyDelivery": ("occurrenceDateTime", "occurrencePeriod"),
    "Task": ("authoredOn",),
}

Span = tuple[datetime | None, datetime | None]

_PARTIAL = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?\Z"
)


def date_columns(type_name: str, resource: dict[str, Any]) -> Span:
    """The half-open span [low, high) of the type's date; open ends are None."""
    for element in DATE.get(type_name, ()):
        value = resource.get(element)
        if isinstance(value, str):
            return span(value)
        if isinstance(value, dict):
            start, end = value.get("start"), value.get("end")
            low = span(start)[0] if isinstance(start, str) else None
            return low, span(end)[1] if isinstance(end, str) else None
    return None, None


def span(text: str) -> Span:
    """The half-open span a partial date or time stands for; without a zone it is read as UTC."""
    match = _PARTIAL.match(text)
    if match is None:
        return None, None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        low = _instant(text, year, month, day, (hour, minute, second, fraction), zone)
        return low, low + _length(low, month, day, second, fraction)
    except (ValueError, OverflowError):  # a leap second, or the year 9999
        return None, None


def _instant(
    text: str, year: str, month: str | None, day: str | None, time: tuple[str | None, ...], zone: str | None
) -> datetime:
    hour, minute, second, fraction = time
    if hour is None:
        return datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    digits = ((fraction or ".0")[1:] + "000000")[:6]
    clock = f"{text[:10]}T{hour}:{minute}:{second or '00'}.{digits}"
    return datetime.fromisoformat(clock + (zone or "Z")).astimezone(UTC)


def _length(
    low: datetime, month: str | None, day: str | None, second: str | None, fraction: str | None
) -> timedelta:
    if month is None:
        return low.replace(year=low.year + 1) - low
    if day is None:
        return (low.replace(day=28) + timedelta(days=4)).replace(day=1) - low
    if fraction is not None:
        return timedelta(milliseconds=1)
    return timedelta(seconds=1) if second is not None else timedelta(days=1)
