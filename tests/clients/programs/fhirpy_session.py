"""fhirpy: what a script does with patients, by the methods of its documentation."""

import asyncio
import json
import sys

from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, MultipleResourcesFound, OperationOutcome, ResourceNotFound

given = json.loads(sys.stdin.readline())
client = SyncFHIRClient(given["base"], authorization=f"Bearer {given['token']}")
IDENTIFIER = {"system": "http://client.example/fhirpy", "value": "1"}
patients = client.resources("Patient")
here = patients.search(identifier=f"{IDENTIFIER['system']}|{IDENTIFIER['value']}")


def refused(kind, action):
    """What the server said in the exception of a kind."""
    try:
        action()
    except kind as error:
        return str(error)
    return None


def a_patient(family):
    return client.resource("Patient", identifier=[IDENTIFIER], name=[{"family": family, "given": ["Ada"]}])


async def counted_asynchronously():
    return await AsyncFHIRClient(given["base"], authorization=client.authorization).resources("Patient").count()


created, was_created = here.get_or_create(a_patient("Created"))
again, was_created_again = here.get_or_create(a_patient("Never"))
updated, was_created_by_update = here.update(a_patient("Updated"))
merged = patients.search(_id=created.id).get()
merged["gender"], merged["birthDate"], merged["active"] = "female", "1980-01-02", True
merged.save(fields=["gender", "birthDate"])
emptied = client.patch("Patient", created.id, birthDate=None)
merged_where_found = here.patch(active=False)
whole = client.resource("Patient", **client.get("Patient", created.id))
whole["language"] = "en"
whole.update()

seen = {
    "created": [was_created, was_created_again, was_created_by_update],
    "ids": [created.id, again.id, updated.id, merged_where_found.id],
    "families": [one["name"][0]["family"] for one in (created, again, updated, whole)],
    "merged": [merged.get("gender"), merged.get("birthDate"), merged.get("active")],
    "emptied": "birthDate" in emptied,
    "merged_where_found": merged_where_found.get("active"),
    "version": whole.meta["versionId"],
    "count": [patients.count(), asyncio.run(counted_asynchronously())],
    "paged": sorted(one.id for one in patients.limit(2).fetch_all()),
    "first": patients.sort("_id").first().id,
    "with": [
        one.id for one in client.resources("MedicationRequest").search(patient__name="Fenwick").elements("id").fetch()
    ],
    "everything": patients.search(_id="demo-patient-1").get().execute("$everything", method="get")["type"],
    "invalid": refused(OperationOutcome, lambda: client.resource("Patient", gender="plumber").save()),
    "unknown": refused(OperationOutcome, lambda: patients.search(plumber="1").fetch()),
    "nobody": refused(AuthorizationError, lambda: SyncFHIRClient(given["base"]).resources("Patient").fetch()),
    "several": refused(
        MultipleResourcesFound, lambda: patients.search(_lastUpdated="ge2020").update(a_patient("Never"))
    ),
}
whole.delete()
seen["gone"] = refused(ResourceNotFound, lambda: client.get("Patient", created.id))
print(json.dumps(seen))
