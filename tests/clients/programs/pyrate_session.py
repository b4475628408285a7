"""fhir-pyrate: tables of what a server has, with a token in a session and in its own authentication."""

import json
import sys

import requests
from fhir_pyrate import Ahoy, Pirate

given = json.loads(sys.stdin.readline())
session = requests.Session()
session.headers["Authorization"] = f"Bearer {given['token']}"
with Pirate(given["base"], auth=session) as search:
    patients = search.steal_bundles_to_dataframe(
        resource_type="Patient",
        request_params={"_count": 2},
        fhir_paths=["id", ("family", "name[0].family")],
    )
    per_patient = search.trade_rows_for_dataframe(
        patients[["id"]],
        resource_type="MedicationRequest",
        df_constraints={"subject": "id"},
        request_params={"_count": 1},
        fhir_paths=["id", ("patient", "subject.reference")],
        with_ref=False,
    )
    total = search.get_bundle_total("Patient", {"_summary": "count"})
with Pirate(given["base"], auth=Ahoy(token=given["token"])) as search:
    sailed = search.sail_through_search_space_to_dataframe(
        resource_type="MedicationRequest",
        time_attribute_name="_lastUpdated",
        date_init="2020-01-01",
        date_end="2100-01-01",
        fhir_paths=["id"],
    )
seen = {
    "patients": dict(zip(patients["id"], patients["family"], strict=True)),
    "per_patient": per_patient.to_dict("records"),
    "total": total,
    "sailed": list(sailed["id"]),
}
print(json.dumps(seen))
