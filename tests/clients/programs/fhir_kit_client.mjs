// fhir-kit-client: what its documentation shows, with a base URL that ends with a slash.
import { Client } from "fhir-kit-client";

const given = JSON.parse(process.argv[2]);
const client = new Client({ baseUrl: `${given.base}/`, bearerToken: given.token });
const identifier = [{ system: "http://client.example/fhir-kit-client", value: "1" }];

async function refusal(action) {
  try {
    await action();
  } catch (error) {
    return { status: error.response.status, type: error.response.data.resourceType };
  }
  return null;
}

const { authorizeUrl, tokenUrl } = await client.smartAuthMetadata();
const capabilities = await client.capabilityStatement();

const committed = await client.transaction({
  body: {
    resourceType: "Bundle",
    type: "transaction",
    entry: [
      {
        fullUrl: "urn:uuid:2d4a4b5e-6d0f-4a7c-9a54-4f5d4fd2b0a1",
        resource: { resourceType: "Patient", identifier, name: [{ family: "Transacted" }] },
        request: { method: "POST", url: "Patient" },
      },
      {
        resource: {
          resourceType: "Observation",
          status: "final",
          code: { text: "Body weight" },
          subject: { reference: "urn:uuid:2d4a4b5e-6d0f-4a7c-9a54-4f5d4fd2b0a1" },
        },
        request: { method: "POST", url: "Observation" },
      },
    ],
  },
});
const [resourceType, id] = new URL(committed.entry[0].response.location, given.base).pathname.split("/").slice(2, 4);
const of = { resourceType, id };
const patched = await client.patch({
  ...of,
  jsonPatch: [
    { op: "test", path: "/name/0/family", value: "Transacted" },
    { op: "replace", path: "/name/0/family", value: "Patched" },
  ],
});
const updated = await client.update({ ...of, body: { ...patched, gender: "female" } });
const observation = await client.search({ resourceType: "Observation", searchParams: { subject: `Patient/${id}` } });
const resolved = await client.resolve({ reference: observation.entry[0].resource.subject.reference });
const batched = await client.batch({
  body: {
    resourceType: "Bundle",
    type: "batch",
    entry: [{ request: { method: "GET", url: `Patient/${id}` } }, { request: { method: "GET", url: "Patient/nobody" } }],
  },
});

const pages = [];
let page = await client.resourceSearch({ resourceType: "Patient", searchParams: { _count: 2, _sort: "_id" } });
while (page) {
  pages.push(page.entry.map((entry) => entry.resource.id));
  page = await client.nextPage({ bundle: page });
}
const posted = await client.search({
  resourceType: "Patient",
  searchParams: { identifier: `${identifier[0].system}|${identifier[0].value}` },
  options: { postSearch: true },
});
const compartment = await client.compartmentSearch({
  resourceType: "MedicationRequest",
  compartment: { resourceType: "Patient", id: "demo-patient-1" },
});
const everything = await client.operation({ name: "$everything", ...of, method: "GET" });
const first = await client.vread({ ...of, version: "1" });
const history = await client.resourceHistory(of);
await client.delete(of);

console.log(
  JSON.stringify({
    authorizeUrl,
    tokenUrl,
    fhirVersion: capabilities.fhirVersion,
    committed: committed.entry.map((entry) => entry.response.status),
    patched: patched.name[0].family,
    updated: [updated.gender, updated.meta.versionId],
    contentType: Client.httpFor(updated).response.headers.get("content-type"),
    resolved: resolved.id === id,
    batched: batched.entry.map((entry) => entry.response.status),
    pages,
    posted: posted.entry.map((entry) => entry.resource.id === id),
    compartment: compartment.entry.length,
    everything: everything.entry.map((entry) => entry.resource.resourceType).sort(),
    first: first.name[0].family,
    history: history.entry.length,
    gone: await refusal(() => client.read(of)),
    conflict: await refusal(() => client.patch({ resourceType: "Patient", id: "demo-patient-1", jsonPatch: [{ op: "test", path: "/active", value: 7 }] })),
    nobody: await refusal(() => new Client({ baseUrl: given.base }).search({ resourceType: "Patient" })),
  }),
);
