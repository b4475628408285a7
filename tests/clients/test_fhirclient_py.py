"""fhirclient.py, https://pypi.org/project/fhirclient: apps and systems in Python."""

import json

from tests.running.oauth import App, a_backend, a_person, register

CALLBACK = "http://localhost:8000/fhir-app/"


def test_an_app_is_launched_reads_pages_writes_and_refreshes(pharmacy):
    app = App(pharmacy.galenic, register(pharmacy.galenic, redirect_uris=(CALLBACK,)).id, CALLBACK)
    prescriber = a_person(pharmacy.galenic, "prescriber")
    with pharmacy.talking("fhirclient_app.py", app_id=app.client_id, redirect_uri=CALLBACK) as program:
        url = program.stdout.readline().strip()
        assert url.startswith(f"{pharmacy.galenic.root_url}/auth/authorize?")
        back = pharmacy.allow(app, url, prescriber, "demo-patient-1")
        said, _ = program.communicate(f"{back}\n", timeout=60)
    assert program.returncode == 0
    saw = json.loads(said.splitlines()[-1])
    assert (saw["ready"], saw["patient"], saw["name"]) == ([False, True], "demo-patient-1", "Amara Fenwick")
    held = pharmacy.resource("/MedicationRequest?subject=Patient/demo-patient-1")["entry"]
    assert len(held) > 1
    assert sorted(saw["requests"]) == sorted(entry["resource"]["id"] for entry in held)
    assert (saw["observation"]["status"], saw["versions"]) == ("final", ["1", "2"])
    assert saw["refreshed"] == [True, True]


def test_a_system_gets_a_token_for_its_assertion(pharmacy):
    backend = a_backend(pharmacy.galenic)
    saw = pharmacy.python("fhirclient_system.py", app_id=backend.client_id, assertion=backend.assertion())
    assert "demo-patient-1" in saw["patients"]
