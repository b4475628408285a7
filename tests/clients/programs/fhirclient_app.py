"""fhirclient.py: an app as its documentation has it. Prints where to log in, and reads where that led."""

import json
import sys

from fhirclient.client import FHIRClient
from fhirclient.models.codeableconcept import CodeableConcept
from fhirclient.models.fhirreference import FHIRReference
from fhirclient.models.medicationrequest import MedicationRequest
from fhirclient.models.observation import Observation

given = json.loads(sys.stdin.readline())
client = FHIRClient(
    settings={
        "app_id": given["app_id"],
        "api_base": given["base"],
        "redirect_uri": given["redirect_uri"],
        "scope": "launch/patient offline_access user/*.rs user/Observation.cu",
    }
)
ready_before = client.prepare()
print(client.authorize_url, flush=True)
client.handle_callback(sys.stdin.readline().strip())

search = MedicationRequest.where({"subject": f"Patient/{client.patient_id}", "_count": "1"})
requests = [request.id for request in search.perform_resources_iter(client.server)]

observation = Observation()
observation.status = "preliminary"
observation.code = CodeableConcept({"text": "Body weight"})
observation.subject = FHIRReference({"reference": f"Patient/{client.patient_id}"})
created = observation.create(client.server)
observation.id = created["id"]
observation.status = "final"
updated = observation.update(client.server)

before = client.server.auth.access_token
refreshed = client.reauthorize()
said = {
    "ready": [ready_before, client.ready],
    "patient": client.patient.id,
    "name": client.human_name(client.patient.name[0]),
    "requests": requests,
    "observation": Observation.read(created["id"], client.server).as_json(),
    "versions": [created["meta"]["versionId"], updated["meta"]["versionId"]],
    "refreshed": [refreshed, before != client.server.auth.access_token],
}
print(json.dumps(said))
