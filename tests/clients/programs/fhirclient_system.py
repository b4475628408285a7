"""fhirclient.py: a system that signs its own assertion, as its documentation has it."""

import json
import sys

from fhirclient.client import FHIRClient
from fhirclient.models.patient import Patient

given = json.loads(sys.stdin.readline())
client = FHIRClient(
    settings={
        "app_id": given["app_id"],
        "api_base": given["base"],
        "jwt_token": given["assertion"],
        "scope": "system/Patient.read",
        "patient_id": "demo-patient-1",
    }
)
client.prepare()
client.authorize()
print(json.dumps({"patients": [found.id for found in Patient.where({}).perform_resources(client.server)]}))
