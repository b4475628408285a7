"""GALENIC_REFERENTIAL_INTEGRITY: where a local reference must resolve. https://hl7.org/fhir/R4/http.html#integrity."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.builders.bundles import a_post, a_put, a_transaction, a_urn
from tests.builders.resources import a_medication_request, a_patient
from tests.conftest import Cluster
from tests.running.galenic import running

NOBODY = "Patient/nobody"

Clients = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def client_of(cluster: Cluster) -> Iterator[Clients]:
    """A client of a server under the given setting; servers are started when first asked for."""
    clients: dict[str, httpx.Client] = {}
    with ExitStack() as stack:

        def client_of(setting: str) -> httpx.Client:
            if setting not in clients:
                name = f"integrity_{setting}"
                cluster.execute(f"CREATE DATABASE {name} TEMPLATE galenic")
                stack.callback(cluster.execute, f"DROP DATABASE {name} WITH (FORCE)")
                url = cluster.database(name).app_url
                server = stack.enter_context(running(url, worker=False, referential_integrity=setting))
                clients[setting] = stack.enter_context(server.client())
            return clients[setting]

        yield client_of


@pytest.mark.parametrize(
    ("setting", "alone", "together"),
    [("off", 201, 200), ("warn", 201, 200), ("transaction", 201, 422), ("enforce", 422, 422)],
)
def test_a_reference_to_nothing(client_of: Clients, setting: str, alone: int, together: int) -> None:
    client = client_of(setting)
    request = a_medication_request(NOBODY)
    assert client.post("/MedicationRequest", json=request).status_code == alone
    answer = client.post("", json=a_transaction(a_post(a_patient()), a_post(request)))
    assert answer.status_code == together
    if together == 422:
        issue = answer.json()["issue"][0]
        assert issue["expression"] == ["Bundle.entry[1].resource.subject.reference"]
        assert NOBODY in issue["diagnostics"]


def test_a_warning_names_the_reference(client_of: Clients) -> None:
    headers = {"Prefer": "return=OperationOutcome"}
    answer = client_of("warn").post("/MedicationRequest", json=a_medication_request(NOBODY), headers=headers)
    severities = [(issue["severity"], issue["code"]) for issue in answer.json()["issue"]]
    assert severities[0] == ("warning", "not-found")


@pytest.mark.parametrize("setting", ["transaction", "enforce"])
def test_references_that_resolve_are_accepted(client_of: Clients, setting: str) -> None:
    client = client_of(setting)
    urn = a_urn()
    known = client.put("/Patient/known", json=a_patient(id="known"))
    assert known.status_code in (200, 201)
    elsewhere = a_medication_request("http://there.example/fhir/Patient/1")
    bundle = a_transaction(
        a_post(a_patient(), full_url=urn),
        a_post(a_medication_request(urn)),
        a_post(a_medication_request("Patient/known")),
        a_post(a_medication_request("Patient/new")),
        a_put(a_patient(id="new")),
        a_post(elsewhere),
    )
    assert client.post("", json=bundle).status_code == 200


def test_a_deleted_resource_is_nothing_to_refer_to(client_of: Clients) -> None:
    client = client_of("enforce")
    client.put("/Patient/gone", json=a_patient(id="gone"))
    assert client.delete("/Patient/gone").status_code == 204
    assert client.post("/MedicationRequest", json=a_medication_request("Patient/gone")).status_code == 422


def test_what_is_referred_to_is_not_deleted_unless_the_reference_goes_too(client_of: Clients) -> None:
    client = client_of("enforce")
    client.put("/Patient/needed", json=a_patient(id="needed"))
    request = client.post("/MedicationRequest", json=a_medication_request("Patient/needed")).json()
    assert client.delete("/Patient/needed").status_code == 409
    both = [
        {"request": {"method": "DELETE", "url": url}}
        for url in ("Patient/needed", f"MedicationRequest/{request['id']}")
    ]
    assert client.post("", json=a_transaction(*both)).status_code == 200
    assert client.get("/Patient/needed").status_code == 410
