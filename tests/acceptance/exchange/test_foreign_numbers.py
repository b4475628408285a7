"""What a partner may not do: touch what is known by somebody else's numbers, or what is another patient's."""

from itertools import count
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.exchange.conftest import OTHER
from tests.acceptance.exchange.test_orders_over_mllp import orders
from tests.running.galenic import Galenic
from tests.running.mllp import Wire, a_message, a_patient, an_order, fields, verdict

_numbers = count(1)
THEIRS = "urn:galenic:partner:hospital:MRN"
OPEN = "http://h.example/mrn"


def a_number() -> str:
    return f"F{next(_numbers)}-{uuid4().hex[:8]}"


def renamed(control_id: str, identifier: str, sender: str = OTHER) -> bytes:
    return a_message(
        "ADT^A08", control_id, "EVN||20261121", f"PID|1||{identifier}||Renamed^By^Other", "PV1|1|O", sender=sender
    )


def a_fhir_patient(client: httpx.Client, system: str, value: str) -> str:
    body = {"resourceType": "Patient", "identifier": [{"system": system, "value": value}], "name": [{"family": "Kept"}]}
    return str(client.post("/Patient", json=body).json()["id"])


@pytest.mark.parametrize(
    ("system", "written"),
    [
        (OPEN, "{value}^^^&http://h.example/mrn&URI^MR"),
        ("http://hl7.org/fhir/sid/us-ssn", "{value}^^^^SS"),
        ("urn:oid:1.2.3.4", "{value}^^^X&1.2.3.4&ISO^MR"),
    ],
    ids=["a URI", "social security", "an OID"],
)
def test_nobody_is_changed_by_a_number_that_is_not_the_partners(
    galenic: Galenic, hospital: Wire, system: str, written: str
) -> None:
    value = f"{next(_numbers):09d}"
    with galenic.client() as client:
        patient = a_fhir_patient(client, system, value)
        assert verdict(hospital.ask(renamed(a_number(), written.format(value=value))))[0] == "AE"
        assert client.get(f"/Patient/{patient}").json()["name"] == [{"family": "Kept"}]


def test_another_partners_record_numbers_are_not_to_be_had_by_naming_their_system(
    galenic: Galenic, hospital: Wire
) -> None:
    mrn, number = a_number(), a_number()
    assert verdict(hospital.ask(an_order(number, number, mrn=mrn))) == ("AA", "")
    named = f"{mrn}^^^X&{THEIRS}&URI^MR"
    hospital.ask(renamed(a_number(), named))
    hospital.ask(a_message("ADT^A40", a_number(), "EVN||20261121", a_patient("mine"), f"MRG|{named}", sender=OTHER))
    cancel = f"ORC|OC|{number}^X^urn:galenic:partner:hospital:WARD^URI|||CA"
    hospital.ask(a_message("RDE^O11", a_number(), a_patient("mine"), cancel, sender=OTHER))
    query = f"QPD|Q31^Query^HL70471|1|{named}"
    told = hospital.ask(a_message("QBP^Q31", a_number(), query, "RCP|I", sender=OTHER))
    assert b"Chalmers" not in told
    with galenic.client() as client:
        (entry,) = client.get(f"/Patient?identifier={THEIRS}|{mrn}").json()["entry"]
    assert entry["resource"]["name"][0]["family"] == "Chalmers"
    assert entry["resource"].get("active") is not False
    (order,) = orders(galenic, number)
    assert order["status"] == "active"


def test_what_an_operator_says_is_the_partners_own_may_be_changed(galenic: Galenic, hospital: Wire) -> None:
    value = a_number()
    with galenic.client() as client:
        patient = a_fhir_patient(client, "http://other.example/mrn", value)
        assert verdict(hospital.ask(renamed(a_number(), f"{value}^^^OWN^MR"))) == ("AA", "")
        assert client.get(f"/Patient/{patient}").json()["name"][0]["family"] == "Renamed"


def test_a_practitioner_is_used_by_their_npi_and_not_changed(galenic: Galenic, hospital: Wire) -> None:
    npi = "1679576722"
    body = {
        "resourceType": "Practitioner",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}],
        "name": [{"family": "Kept"}],
    }
    with galenic.client() as client:
        made = client.post("/Practitioner", json=body).json()["id"]
        staff = f"STF|{npi}^^NPI|{npi}^^^&2.16.840.1.113883.4.6&ISO^NPI|Renamed^By||M||I"
        hospital.ask(
            a_message("MFN^M02", a_number(), "MFI|STF||UPD|||AL", f"MFE|MUP|1||{npi}|CWE", staff, sender=OTHER)
        )
        kept = client.get(f"/Practitioner/{made}").json()
    assert (kept["name"], kept.get("active")) == ([{"family": "Kept"}], None)


def test_an_order_stays_its_patients(galenic: Galenic, hospital: Wire) -> None:
    number, mine, theirs = a_number(), a_number(), a_number()
    hospital.ask(an_order(a_number(), number, mrn=mine))
    (before,) = orders(galenic, number)
    assert verdict(hospital.ask(an_order(a_number(), number, mrn=theirs))) == ("AE", "204")
    event = a_message("RDE^O11", a_number(), a_patient(theirs), f"ORC|OC|{number}^WARD|||CA")
    assert verdict(hospital.ask(event)) == ("AE", "204")
    cancel = an_order(a_number(), number, mrn=theirs, control="CA")
    assert verdict(hospital.ask(cancel)) == ("AE", "204")
    (after,) = orders(galenic, number)
    assert after == before


def test_after_a_merge_the_number_that_stays_is_the_one_to_use(galenic: Galenic, hospital: Wire) -> None:
    number, old, new = a_number(), a_number(), a_number()
    hospital.ask(an_order(a_number(), number, mrn=old))
    merge = a_message("ADT^A40", a_number(), "EVN||20261121", a_patient(new), f"MRG|{old}^^^MRN^MR")
    assert verdict(hospital.ask(merge)) == ("AA", "")
    answer = hospital.ask(an_order(a_number(), a_number(), mrn=old))
    assert verdict(answer) == ("AE", "204")
    assert b"merged" in answer
    assert verdict(hospital.ask(an_order(a_number(), number, mrn=new, control="XO"))) == ("AA", "")


def test_a_batch_of_one_and_a_message_sent_again_in_a_batch_are_what_they_are_alone(
    galenic: Galenic, hospital: Wire
) -> None:
    first, second = a_number(), a_number()
    alone = hospital.ask(an_order(first, first))
    hospital.send(an_order(first, first) + an_order(second, second))
    assert hospital.receive() == alone
    assert fields(hospital.receive(), "MSA")[1:3] == ["AA", second]
    third = a_number()
    batch = b"FHS|^~\\&|WARD\rBHS|^~\\&|WARD\r" + an_order(third, third) + b"BTS|1\rFTS|1\r"
    assert fields(hospital.ask(batch), "MSA")[1:3] == ["AA", third]
