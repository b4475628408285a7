"""RxTransfer -> the order as the pharmacy that takes it over has it, and the Task that it answers."""

from mappers.script.reading import Reading
from mappers.script.to_fhir.orders import prescribed
from mappers.script.to_fhir.parties import Parties
from mappers.script.to_fhir.tasks import transfer


def rx_transfer(reading: Reading, people: Parties) -> None:
    if reading.message.outcome != "Denied":
        prescribed(reading, people, "merge")
    made = [one for one in reading.entries if one.type_name == "MedicationRequest"]
    transfer(reading, people, {"reference": made[0].full_url} if made else None)
