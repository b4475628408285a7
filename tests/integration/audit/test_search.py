"""AuditEvents searched and read by the handlers of the FHIR API, in this process."""

from typing import Any

import msgspec
import pytest

from fhir_server.audit.recorder import Recorder
from fhir_server.auth.grant import EVERYTHING, Grant, Rule
from fhir_server.errors import Forbidden, GalenicError, Gone, Invalid, MethodNotAllowed, NotFound
from fhir_server.rest.audit_events import HANDLERS, audit_handler, is_about_audit, read, search
from fhir_server.rest.message import Request
from fhir_server.rest.parameters import parse_pairs
from fhir_server.rest.routes import ROUTES
from fhir_server.settings import Settings
from fhir_server.wiring import build
from tests.builders.audit import a_context, a_record
from tests.running.galenic import CURSOR_KEY, INDEX_KEY

BACKEND = a_context(client="lab", actor="Client/lab")
RECORDS = {
    "read": a_record(type_name="Observation", id="1", version=3, patients=("a",)),
    "search": a_record("search-type", type_name="Observation", patients=("a", "b", "c"), query="Observation?code=x"),
    "refused": a_record("read", 403, type_name="Patient", id="b", context=a_context(actor="Practitioner/2")),
    "login": a_record("login", 401, context=a_context(actor="anonymous", client="anonymous")),
    "write": a_record("update", type_name="Task", id="9", patients=("b",), context=BACKEND),
    "odd": a_record("teleport"),
    "missing": a_record("read", 404, type_name="Patient", id="gone"),
    "failed": a_record("read", 500, type_name="Patient", id="a"),
}


@pytest.fixture
async def server(database):
    made = build(Settings(database_url=database.app_url, index_key=INDEX_KEY, cursor_key=CURSOR_KEY, auth="off")).server
    await made.database.open()
    yield made
    await made.database.close()


@pytest.fixture
async def filled(server):
    for record in RECORDS.values():
        await Recorder(server.database).record(record)
    return server


def a_request(query: str = "", method: str = "GET", **fields: Any) -> Request:
    return Request(
        method,
        a_context(),
        **{"type_name": "AuditEvent", "parameters": parse_pairs(query), "grant": EVERYTHING} | fields,
    )


async def found(server: Any, query: str, **fields: Any) -> dict[str, Any]:
    return msgspec.json.decode((await search(server, a_request(query, **fields))).body)


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


def names(bundle: dict[str, Any]) -> list[str]:
    """Which of RECORDS the events are, and which part of it, oldest first."""
    keys = list(RECORDS)
    parts = [(int(event_id.partition("-")[0]), event_id.partition("-")[2]) for event_id in reversed(ids(bundle))]
    return [keys[number - 1] + part for number, part in parts]


SEARCHES = {
    "": ["read", "search3", "search2", "search1", "refused", "login", "write", "odd", "missing", "failed"],
    "_sort=-date": ["read", "search3", "search2", "search1", "refused", "login", "write", "odd", "missing", "failed"],
    "patient=Patient/b": ["search2", "write"],
    "patient=b,c": ["search3", "search2", "write"],
    "patient=b&patient=a": [],
    "agent=Practitioner/2": ["refused"],
    "agent:Practitioner=2": ["refused"],
    "agent=Client/lab": ["write"],
    "agent:identifier=lab": ["write"],
    "action=U": ["write"],
    "action=U,R": ["read", "refused", "write", "missing", "failed"],
    "action=E": ["search3", "search2", "search1", "login", "odd"],
    "outcome=0&action=R": ["read"],
    "outcome=8": ["refused", "login"],
    "outcome=4,12": ["missing", "failed"],
    "type=rest&action=R": ["read", "refused", "missing", "failed"],
    "type=http://dicom.nema.org/resources/ontology/DCM|110114": ["login"],
    "type=http://dicom.nema.org/resources/ontology/DCM|110100": ["odd"],
    "subtype=search-type": ["search3", "search2", "search1"],
    "subtype=http://hl7.org/fhir/restful-interaction|": [
        *("read", "search3", "search2", "search1", "refused", "write", "missing", "failed"),
    ],
    "subtype=|read": [],
    "entity=Observation/1": ["read"],
    "entity=Patient/b": ["search2", "refused", "write"],
    "entity=Patient/gone,Task/9": ["write", "missing"],
    "entity:identifier=another": [],
    "entity:identifier=request&action=U": ["write"],
    "_id=1": ["read"],
    "_id=2-2": ["search2"],
    "_id=2-2,1": ["read", "search3", "search2", "search1"],
    "_id=nonsense": [],
    "date=ge2000": ["read", "search3", "search2", "search1", "refused", "login", "write", "odd", "missing", "failed"],
    "date=lt2000": [],
    "date=gt2000&date=lt2001": [],
    "date=eq2000,ne2000&action=U": ["write"],
    "date=sa2999,eb2000": [],
    "date=ap1999": [],
}


async def test_searches_find_what_they_ask_for(filled):
    for query, expected in SEARCHES.items():
        assert names(await found(filled, query)) == expected, query


async def test_a_date_is_a_span_and_an_offset_counts(filled):
    whole = await found(filled, "_id=1")
    moment = whole["entry"][0]["resource"]["recorded"]
    assert names(await found(filled, f"date={moment}&action=R&outcome=0")) == ["read"]
    assert names(await found(filled, f"date=lt{moment}")) == []
    assert names(await found(filled, f"date={moment[:10]}&_id=1")) == ["read"]


async def test_by_post_and_in_a_compartment_the_same_is_found(filled):
    form = {"method": "POST", "body": b"action=U", "headers": {"content-type": "application/x-www-form-urlencoded"}}
    assert names(await found(filled, "", **form)) == ["write"]
    patient = {"type_name": "Patient", "id": "b", "member": "AuditEvent"}
    assert names(await found(filled, "", **patient)) == ["search2", "write"]
    person = {"type_name": "Practitioner", "id": "2", "member": "AuditEvent"}
    assert names(await found(filled, "", **person)) == ["refused"]


REFUSED = (
    *("colour=red", "date=yesterday", "patient=Group/1", "entity=Observation", "entity=Nonsense/1", "outcome=1"),
    *("_sort=date", "action:not=R", "agent:missing=true", "patient=", "_count=-1", "_id=" + "1," * 201),
    *("patient:identifier=x", "entity:missing=true"),
    *("_summary=count", "_elements=agent", "_cursor=x"),
)


async def test_what_is_not_supported_is_refused(server):
    for query in REFUSED:
        with pytest.raises(Invalid):
            await found(server, query)


async def test_records_none_of_whose_events_are_shown_do_not_end_a_search(server):
    """Each of the many matches, as a record; of its events, one about both patients, none is."""
    recorder = Recorder(server.database)
    of_both = [a_record(patients=("a", "b")) for _ in range(9)]
    await recorder.record(a_record(type_name="Patient", id="a", patients=("b",)), *of_both)
    assert ids(await found(server, "entity=Patient/a&patient=b&_count=2")) == ["1"]


async def test_pages_show_each_event_once_while_others_are_recorded(filled):
    seen: list[str] = []
    query = "_count=2"
    bundle = await found(filled, query)
    while True:
        assert len(ids(bundle)) <= 2
        seen += ids(bundle)
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            break
        await Recorder(filled.database).record(a_record(patients=("a", "b")))
        bundle = await found(filled, following[0].partition("?")[2])
    assert seen == ["8", "7", "6", "5", "4", "3", "2-1", "2-2", "2-3", "1"]


async def test_a_paging_link_belongs_to_its_search(filled):
    bundle = await found(filled, "_count=2&action=R")
    (url,) = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
    with pytest.raises((Invalid, Gone)):
        await found(filled, url.partition("?")[2].replace("action=R", "action=E"))


async def test_an_event_is_read_by_its_id(filled):
    body = msgspec.json.decode((await read(filled, a_request(id="2-3"))).body)
    assert body["entity"][0]["what"]["reference"] == "Patient/c"
    response = await read(filled, a_request(id="1"))
    assert response.released == {"Patient/a"}
    for absent in ("2", "2-4", "1-1", "999", "x"):
        with pytest.raises(NotFound):
            await read(filled, a_request(id=absent))


@pytest.mark.parametrize("rule", [Rule("AuditEvent", "rs", ("a",)), Rule("AuditEvent", "rs", None, (("action", "R"),))])
async def test_a_scope_that_reaches_only_some_events_reaches_none(filled, rule):
    for ask in (read, search):
        with pytest.raises(Forbidden):
            await ask(filled, a_request(id="1" if ask is read else "", grant=Grant((rule,))))


async def test_nobody_writes_changes_or_deletes(server):
    for route in ROUTES:
        if route.interaction in HANDLERS or "{type}" not in route.template:
            continue
        with pytest.raises(MethodNotAllowed) as refused:
            await audit_handler(route)(server, a_request(method=route.method))
        assert refused.value.headers == {"Allow": "GET, HEAD"}
    assert issubclass(MethodNotAllowed, GalenicError)


def test_requests_about_audit_events_are_told_from_others():
    assert is_about_audit(a_request())
    assert is_about_audit(a_request(type_name="Patient", id="1", member="AuditEvent"))
    assert not is_about_audit(a_request(type_name="Patient"))
