"""Transactions that report and that nothing here acts upon -> Communication. https://hl7.org/fhir/R4/communication.html."""

from mappers.mapped import Resource
from mappers.script.reading import Reading
from mappers.script.to_fhir.parties import Parties, condition_of, message_identifier
from mappers.script.to_fhir.tasks import TRANSACTIONS
from mappers.script.values import instant


def communication(reading: Reading, people: Parties) -> None:
    """That it came, from whom and about whom; the message itself is kept as it came."""
    number = message_identifier(reading)
    resource: Resource = {
        "resourceType": "Communication",
        "identifier": [number],
        "status": "completed",
        "topic": {"coding": [{"system": TRANSACTIONS, "code": reading.message.kind}]},
    }
    sent = instant(reading.message.header.sent_time)
    resource |= {"sent": sent} if sent else {}
    resource |= {"subject": people.patient} if people.patient else {}
    people_named = [one for one in (people.prescriber, people.pharmacy) if one]
    resource |= {"recipient": people_named} if people_named else {}
    reading.add("Communication", resource, "match", condition_of(number), reading.message.kind)
