"""What a Subscription may ask for: everything that would not be delivered is refused, and every reason is named."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions import request
from subscriptions.request import Offer, Refused, Requested, Resource
from subscriptions.topics import BASE

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
TOPIC = f"{BASE}prescription-received"
ENDPOINT = "https://sink.example/hook"


REST_HOOKS = Offer(frozenset({"rest-hook"}))
MAIL = Offer(frozenset({"email"}))
WEBSOCKETS = Offer(frozenset({"websocket"}))


def requested(resource: Resource, offer: Offer = REST_HOOKS) -> Requested:
    return request.requested(resource, offer)


def extension(name: str, **value: Any) -> Resource:
    return {"url": f"{BACKPORT}{name}", **value}


def content(level: str) -> Resource:
    return {"extension": [extension("payload-content", valueCode=level)]}


def a_channel(**changes: Any) -> Resource:
    """A rest-hook, with some elements changed; those that are None are left out."""
    channel = {
        "type": "rest-hook",
        "endpoint": ENDPOINT,
        "payload": "application/fhir+json",
        "_payload": content("id-only"),
    }
    return {name: value for name, value in (channel | changes).items() if value is not None}


def a_subscription(channel: Resource | None = None, **changes: Any) -> Resource:
    resource = {"resourceType": "Subscription", "status": "requested", "reason": "Orders", "criteria": TOPIC}
    return resource | {"channel": channel or a_channel()} | changes


def filtered(*filters: Any) -> Resource:
    return {"extension": [extension("filter-criteria", valueString=one) for one in filters]}


def plain(**changes: Any) -> Resource:
    """A plain R4 subscription, with elements of its channel changed."""
    return a_subscription(a_channel(**({"_payload": None} | changes)), criteria="MedicationRequest?status=active")


def refusals(resource: Resource, offer: Offer = REST_HOOKS) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        requested(resource, offer)
    return [(one.place.removeprefix("Subscription."), one.code) for one in refused.value.problems]


def test_a_subscription_to_a_topic_is_read() -> None:
    counts = [
        extension("heartbeat-period", valueUnsignedInt=60),
        extension("timeout", valueUnsignedInt=5),
        extension("max-count", valuePositiveInt=20),
    ]
    channel = a_channel(extension=counts, header=["Authorization: Bearer of.the.sink", "X-Ward:3"])
    filters = ("MedicationRequest?patient=Patient/1&priority=stat", "MedicationRequest?requester:Practitioner=7")
    asked = a_subscription(channel, end="2030-01-01T00:00:00Z", _criteria=filtered(*filters))
    assert requested(asked) == Requested(
        topic=TOPIC,
        criteria="",
        filters=filters,
        channel="rest-hook",
        endpoint=ENDPOINT,
        headers=(("Authorization", "Bearer of.the.sink"), ("X-Ward", "3")),
        content="id-only",
        mime="application/fhir+json",
        heartbeat_seconds=60,
        timeout_seconds=5,
        max_count=20,
        end="2030-01-01T00:00:00Z",
        status="requested",
    )


def test_what_is_not_asked_for_has_its_default() -> None:
    read = requested(a_subscription())
    assert (read.filters, read.headers, read.end) == ((), (), None)
    assert (read.heartbeat_seconds, read.timeout_seconds, read.max_count) == (None, None, 20)


def test_a_plain_subscription_with_a_payload_gets_the_resource() -> None:
    read = requested(plain())
    assert (read.topic, read.criteria) == (None, "MedicationRequest?status=active")
    assert (read.content, read.mime) == ("full-resource", "application/fhir+json")


def test_a_plain_subscription_without_a_payload_gets_nothing_but_the_call() -> None:
    read = requested(plain(payload=None))
    assert (read.content, read.mime) == ("empty", "")


def test_a_plain_subscription_that_says_how_much_it_wants_gets_no_more() -> None:
    assert requested(plain(_payload=content("id-only"))).content == "id-only"


@pytest.mark.parametrize("criteria", ["Patient", "Patient?family=Müller&active=true"])
def test_a_type_alone_or_with_parameters_is_a_query(criteria: str) -> None:
    assert requested(a_subscription(criteria=criteria)).criteria == criteria


@pytest.mark.parametrize(
    "mime",
    [
        "application/fhir+json",
        "application/json",
        "Application/FHIR+JSON; fhirVersion=4.0",
        'application/fhir+json;fhirVersion="4.0"; charset=UTF-8',
    ],
)
def test_json_of_r4_is_a_payload_and_is_kept_as_it_was_asked_for(mime: str) -> None:
    assert requested(a_subscription(a_channel(payload=mime))).mime == mime


@pytest.mark.parametrize(
    "endpoint", [f"{ENDPOINT}?key=a&b=c%20d", "https://sink.example:8443", "https://[2001:db8::1]/x"]
)
def test_an_absolute_https_url_is_an_endpoint(endpoint: str) -> None:
    assert requested(a_subscription(a_channel(endpoint=endpoint))).endpoint == endpoint


def test_plain_http_is_an_endpoint_only_where_that_is_allowed() -> None:
    asked = a_subscription(a_channel(endpoint="http://127.0.0.1:9000/hook"))
    assert refusals(asked) == [("channel.endpoint", "security")]
    assert requested(asked, replace(REST_HOOKS, allow_plain=True)).endpoint == "http://127.0.0.1:9000/hook"


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        (None, "required"),
        ("/hook", "value"),
        ("sink.example/hook", "value"),
        ("file:///etc/passwd", "value"),
        ("gopher://sink.example/", "value"),
        ("mailto:pharmacist@sink.example", "value"),
        ("https:///hook", "value"),
        ("https://sink.example:0/", "value"),
        ("https://sink.example:99999/", "value"),
        ("https://sink.example:port/", "value"),
        ("https://[sink.example/", "value"),
        ("https://sink.example/\r\nHost: inside", "value"),
        ("https://sink.example/\x00", "value"),
        ("https://sink.example/a b", "value"),
        ("https://sink.example\\@inside/", "value"),
        ("https://ſink.example/", "value"),
        (f"{ENDPOINT}#part", "value"),
        (f"{ENDPOINT}#", "value"),
        ("https://user:password@sink.example/", "security"),
        ("https://@sink.example/", "security"),
        (f"{ENDPOINT}?{'x' * 2_000}", "too-long"),
    ],
)
def test_an_endpoint_that_is_not_plainly_harmless_is_refused(endpoint: str | None, code: str) -> None:
    assert refusals(a_subscription(a_channel(endpoint=endpoint))) == [("channel.endpoint", code)]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("X-Ward", "value"),
        (": 3", "value"),
        ("X Ward: 3", "value"),
        ("X-Ward : 3", "value"),
        ("X-Ward: ", "value"),
        ("X-Ward: 3\r\nHost: inside", "value"),
        ("X-Ward: 3\n", "value"),
        ("X-Ward: 3\x00", "value"),
        ("X-Ward: ä", "value"),
        (None, "value"),
        *((f"{name}: x", "security") for name in ("Host", "cookie", "CONNECTION", "Transfer-Encoding", "Upgrade")),
        *((f"{name}: x", "security") for name in ("Forwarded", "Expect", "Keep-Alive", "TE", "Trailer")),
        *((f"{name}: x", "security") for name in ("Content-Length", "Content-Type", "webhook-id", "Webhook-Signature")),
        *((f"{name}: x", "security") for name in ("X-Forwarded-For", "Proxy-Authorization", "Accept-Encoding")),
    ],
)
def test_a_header_that_is_ours_or_none_is_refused(header: str | None, code: str) -> None:
    assert refusals(a_subscription(a_channel(header=["X-A: 1", header]))) == [("channel.header[1]", code)]


def test_headers_are_few_and_short() -> None:
    assert refusals(a_subscription(a_channel(header=["X-A: 1"] * 21))) == [("channel.header", "too-costly")]
    assert refusals(a_subscription(a_channel(header=[f"X-A: {'1' * 3_996}"]))) == [("channel.header", "too-long")]
    assert refusals(a_subscription(a_channel(header=[f"X-A: {'1' * 196}"] * 20))) == [("channel.header", "too-long")]
    assert len(requested(a_subscription(a_channel(header=[f"X-A: {'1' * 195}"] * 20))).headers) == 20


@given(st.text())
def test_whatever_the_text_a_header_that_is_taken_is_one_line_and_not_ours(text: str) -> None:
    try:
        ((name, value),) = requested(a_subscription(a_channel(header=[f"X{text}", "X-A: 1"]))).headers[:1]
    except Refused:
        return
    assert f"{name}{value}".isascii()
    assert (name + value).isprintable() or "\t" in value
    assert name.lower() not in ("x-forwarded-for", "host")


@given(st.text())
def test_whatever_the_text_an_endpoint_that_is_taken_goes_to_its_host(text: str) -> None:
    try:
        endpoint = requested(a_subscription(a_channel(endpoint=f"https://sink.example/{text}"))).endpoint
    except Refused:
        return
    assert endpoint.isascii()
    assert endpoint.isprintable()
    assert not {" ", "\\", "#"} & set(endpoint)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (a_subscription(a_channel(type="websocket", endpoint=None)), [("channel.type", "not-supported")]),
        (a_subscription(a_channel(type="sms")), [("channel.type", "not-supported")]),
        (a_subscription(a_channel(type="message")), [("channel.type", "not-supported")]),
        (
            a_subscription(a_channel(_type={"extension": [extension("channel-type", valueCoding={"code": "zulip"})]})),
            [("channel.type.extension[0]", "not-supported")],
        ),
        (
            a_subscription(a_channel(type="email", endpoint="mailto:ward@sink.example", _payload=content("empty"))),
            [("channel.type", "not-supported")],
        ),
        (
            a_subscription(a_channel(type="email", endpoint="mailto:ward@sink.example")),
            [("channel.type", "not-supported"), ("channel.payload", "security")],
        ),
        (
            a_subscription(
                a_channel(type="email", endpoint="mailto:a@b.example?bcc=c@d.example", _payload=content("empty"))
            ),
            [("channel.type", "not-supported"), ("channel.endpoint", "value")],
        ),
    ],
)
def test_a_channel_we_do_not_deliver_by_is_refused(resource: Resource, expected: list[tuple[str, str]]) -> None:
    assert refusals(resource) == expected


def a_socket(**changes: Any) -> Resource:
    return a_channel(**{"type": "websocket", "endpoint": None, **changes})


def test_a_websocket_needs_no_endpoint() -> None:
    found = requested(a_subscription(a_socket()), WEBSOCKETS)
    assert (found.channel, found.endpoint, found.content) == ("websocket", "", "id-only")


def test_a_websocket_has_no_headers() -> None:
    asked = a_subscription(a_socket(header=["X-Pharmacy: 1"]))
    assert refusals(asked, WEBSOCKETS) == [("channel.header", "not-supported")]


def test_a_websocket_without_a_topic_has_no_content() -> None:
    plain = {"criteria": "MedicationRequest?status=active"}
    empty = a_subscription(a_socket(payload=None, _payload=None), **plain)
    assert requested(empty, WEBSOCKETS).content == "empty"
    full = a_subscription(a_socket(_payload=None), **plain)
    assert refusals(full, WEBSOCKETS) == [("channel.payload", "not-supported")]


HEARTBEAT = extension("heartbeat-period", valueUnsignedInt=60)


def mailed(**changes: Any) -> Resource:
    """By e-mail, with elements of its channel changed."""
    channel = {"type": "email", "endpoint": "mailto:ward@sink.example", "_payload": content("empty")}
    return a_subscription(a_channel(**(channel | changes)))


def test_an_email_has_as_many_events_as_may_be_or_as_are_asked_for() -> None:
    assert requested(mailed(), MAIL).max_count == 100
    assert requested(mailed(extension=[extension("max-count", valuePositiveInt=3)]), MAIL).max_count == 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"_payload": content("id-only")}, ("channel.payload", "security")),
        ({"header": ["Bcc: c@d.example"]}, ("channel.header", "not-supported")),
        (
            {"extension": [extension("heartbeat-period", valueUnsignedInt=60)]},
            ("channel.extension[0]", "not-supported"),
        ),
        ({"extension": [extension("timeout", valueUnsignedInt=5)]}, ("channel.extension[0]", "not-supported")),
        ({"endpoint": "mailto:a@b.example?bcc=c@d.example"}, ("channel.endpoint", "value")),
        ({"endpoint": "mailto:a@b.example\r\nRSET"}, ("channel.endpoint", "value")),
        ({"endpoint": None}, ("channel.endpoint", "required")),
    ],
)
def test_what_a_person_is_not_sent_is_refused(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert refusals(mailed(**changes), MAIL) == [expected]


@pytest.mark.parametrize(
    ("criteria", "code"),
    [
        (f"{BASE}stock-high", "not-supported"),
        (f"{TOPIC}|1.0", "not-supported"),
        ("http://hl7.org/SubscriptionTopic/admission", "not-supported"),
        ("medicationrequest?status=active", "value"),
        ("MedicationRequest?", "value"),
        ("/MedicationRequest?status=active", "value"),
        ("MedicationRequest?status=a\nb", "value"),
        ("MedicationRequest?status=a\tb", "value"),
        ("", "value"),
        (f"MedicationRequest?{'x' * 2_000}", "too-long"),
    ],
)
def test_criteria_that_are_neither_a_topic_nor_a_query_are_refused(criteria: str, code: str) -> None:
    assert refusals(a_subscription(criteria=criteria)) == [("criteria", code)]


@pytest.mark.parametrize(
    ("one", "code"),
    [
        ("patient=Patient/1", "value"),
        ("MedicationRequest", "value"),
        ("MedicationRequest?patient=", "value"),
        ("MedicationRequest?patient", "value"),
        ("MedicationRequest?&", "value"),
        ("MedicationRequest?patient=&priority=stat", "value"),
        (None, "value"),
        ("Task?patient=Patient/1", "not-supported"),
        ("MedicationRequest?intent=order", "not-supported"),
        ("MedicationRequest?patient.name=Fenwick", "not-supported"),
        ("MedicationRequest?patient=1&_has:Task:focus:code=x", "not-supported"),
        ("MedicationRequest?%5fid=1", "not-supported"),
        (f"MedicationRequest?patient={'1' * 2_000}", "too-long"),
    ],
)
def test_a_filter_that_the_topic_does_not_allow_is_refused(one: str | None, code: str) -> None:
    asked = a_subscription(_criteria=filtered("MedicationRequest?priority=stat", one))
    assert refusals(asked) == [("criteria.extension[1]", code)]


def test_the_filters_of_a_topic_that_is_not_there_are_not_judged() -> None:
    asked = a_subscription(criteria=f"{BASE}stock-high", _criteria=filtered("Basic?code=stock"))
    assert refusals(asked) == [("criteria", "not-supported")]


def test_more_than_ten_filters_are_refused() -> None:
    asked = a_subscription(_criteria=filtered(*["MedicationRequest?priority=stat"] * 11))
    assert refusals(asked) == [("criteria", "too-costly")]


def test_a_query_has_no_filters_besides() -> None:
    asked = plain() | {"_criteria": filtered("MedicationRequest?priority=stat")}
    assert refusals(asked) == [("criteria.extension[0]", "not-supported")]


@pytest.mark.parametrize(
    ("channel", "code"),
    [
        (a_channel(payload=None), "required"),
        (a_channel(_payload=None), "required"),
        (a_channel(_payload=content("everything")), "value"),
        (a_channel(_payload={"extension": content("empty")["extension"] * 2}), "value"),
        (a_channel(payload="application/fhir+xml"), "not-supported"),
        (a_channel(payload="text/plain"), "not-supported"),
        (a_channel(payload="application/fhir+jsonx"), "not-supported"),
        (a_channel(payload="application/fhir+json; fhirVersion=5.0"), "not-supported"),
        (a_channel(payload="application/fhir+json; fhirVersion=4.0; fhirVersion=5.0"), "not-supported"),
        (a_channel(payload="application/fhir+json; charset=latin-1"), "not-supported"),
        (a_channel(payload="application/fhir+json;\ncharset=utf-8"), "not-supported"),
        (a_channel(payload="application/fhir+jſon"), "not-supported"),
    ],
)
def test_a_payload_we_do_not_send_is_refused(channel: Resource, code: str) -> None:
    assert refusals(a_subscription(channel)) == [("channel.payload", code)]


def test_a_plain_subscription_that_wants_content_says_its_type() -> None:
    assert refusals(plain(payload=None, _payload=content("id-only"))) == [("channel.payload", "required")]


@pytest.mark.parametrize(
    ("name", "element", "least", "most"),
    [
        ("heartbeat-period", "valueUnsignedInt", 10, 86_400),
        ("timeout", "valueUnsignedInt", 1, 60),
        ("max-count", "valuePositiveInt", 1, 100),
    ],
)
def test_a_number_has_its_bounds_and_is_there_once(name: str, element: str, least: int, most: int) -> None:
    def asked(*values: Any) -> Resource:
        return a_subscription(a_channel(extension=[extension(name, **{element: value}) for value in values]))

    for value in (least, most):
        read = requested(asked(value))
        assert value in (read.heartbeat_seconds, read.timeout_seconds, read.max_count)
    for values in ((least - 1,), (most + 1,), (str(least),), (True,), (None,), (least, least)):
        assert refusals(asked(*values)) == [("channel.extension[0]", "value")]


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        (a_subscription(_criteria={"extension": [{"url": "http://x.example/filter"}]}), "criteria.extension[0]"),
        (a_subscription(a_channel(extension=[{"url": "http://x.example/batch"}])), "channel.extension[0]"),
        (a_subscription(a_channel(modifierExtension=[{"url": "http://x.example/no"}])), "channel.modifierExtension"),
        (a_subscription(modifierExtension=[{"url": "http://x.example/no"}]), "modifierExtension"),
        (
            a_subscription(
                extension=[{"url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.topic"}]
            ),
            "extension[0]",
        ),
    ],
)
def test_an_extension_that_asks_for_what_we_do_not_know_is_refused(resource: Resource, place: str) -> None:
    assert refusals(resource) == [(place, "not-supported")]


def test_an_extension_that_only_tells_about_a_subscription_is_let_be() -> None:
    assert requested(a_subscription(extension=[{"url": "http://x.example/owner", "valueString": "Ward 3"}]))


def test_every_problem_is_named_at_once() -> None:
    channel = a_channel(type="rest-hook", endpoint="http://sink.example/#x", header=["Host: x"], payload="text/plain")
    channel["extension"] = [extension("timeout", valueUnsignedInt=0)]
    asked = a_subscription(channel, _criteria=filtered("MedicationRequest?intent=order"))
    assert set(refusals(asked)) == {
        ("criteria.extension[0]", "not-supported"),
        ("channel.endpoint", "security"),
        ("channel.endpoint", "value"),
        ("channel.header[0]", "security"),
        ("channel.payload", "not-supported"),
        ("channel.extension[0]", "value"),
    }


def test_a_refusal_repeats_no_value() -> None:
    channel = a_channel(endpoint="https://canary:canary@sink.example/#canary", header=["Cookie: canary", "canary"])
    asked = a_subscription(channel, _criteria=filtered("MedicationRequest?canary=canary", "Canary?canary"))
    with pytest.raises(Refused) as refused:
        requested(asked)
    assert "canary" not in str(refused.value).lower()
