import pytest

REQUEST = {"method": "GET", "url": "Patient/1"}
RESPONSE = {"status": "200"}
PATIENT = {"resourceType": "Patient"}


def a_bundle(kind, *entries, **elements):
    return {"resourceType": "Bundle", "type": kind, **elements, **({"entry": list(entries)} if entries else {})}


VALID = [
    a_bundle("collection", {"resource": PATIENT}),
    a_bundle("searchset", {"resource": PATIENT, "search": {"mode": "match"}}, total=1),
    a_bundle("transaction", {"request": REQUEST}),
    a_bundle("batch-response", {"response": RESPONSE}),
    a_bundle("history", *[{"fullUrl": "urn:a:1", "request": REQUEST, "response": RESPONSE}] * 2),
]
BROKEN = [
    ("bdl-1", "Bundle", a_bundle("collection", total=1)),
    ("bdl-2", "Bundle.entry[0]", a_bundle("collection", {"resource": PATIENT, "search": {"mode": "match"}})),
    ("bdl-3", "Bundle.entry[1]", a_bundle("batch", {"request": REQUEST}, {"resource": PATIENT})),
    ("bdl-3", "Bundle.entry[0]", a_bundle("collection", {"resource": PATIENT, "request": REQUEST})),
    ("bdl-4", "Bundle.entry[0]", a_bundle("batch-response", {"resource": PATIENT})),
    ("bdl-5", "Bundle.entry[0]", a_bundle("collection", {"fullUrl": "urn:uuid:1"})),
    ("bdl-7", "Bundle.entry[1]", a_bundle("collection", *[{"fullUrl": "urn:a:1", "resource": PATIENT}] * 2)),
    (
        "bdl-8",
        "Bundle.entry[0]",
        a_bundle("collection", {"fullUrl": "http://a/Patient/1/_history/1", "resource": PATIENT}),
    ),
    ("bdl-12", "Bundle", a_bundle("message", {"resource": PATIENT})),
]


@pytest.mark.parametrize("bundle", VALID, ids=lambda bundle: bundle["type"])
def test_a_bundle_of_its_kind_is_valid(problems, bundle):
    assert problems(bundle) == []


@pytest.mark.parametrize(("rule", "place", "bundle"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_bundle_keeps_its_invariants(issues, rule, place, bundle):
    (issue,) = issues(bundle)
    assert issue.diagnostics.startswith(rule + ":")
    assert issue.expression == place


def test_a_document_has_an_identifier_a_date_and_a_composition(rules):
    assert rules(a_bundle("document", {"resource": PATIENT})) == ["bdl-9", "bdl-10", "bdl-11"]


@pytest.mark.parametrize(
    "entry", [None, {}, "x", [None], [[]], [{"resource": 1, "fullUrl": 2}], [{"resource": {"meta": []}}]]
)
def test_a_malformed_bundle_is_refused_without_a_crash(problems, entry):
    assert problems({"resourceType": "Bundle", "type": ["batch"], "entry": entry})
