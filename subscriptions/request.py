"""What a Subscription asks for, or why it is refused: what would not be delivered is not accepted. Pure.

https://hl7.org/fhir/R4/subscription.html, https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args
from urllib.parse import parse_qsl

from subscriptions.endpoint import Fault, faults_of_headers, faults_of_mail, faults_of_url, header
from subscriptions.topics import TOPICS, Topic

Resource = dict[str, Any]
Channel = Literal["rest-hook", "websocket", "email"]
Content = Literal["empty", "id-only", "full-resource"]

FILTERS_MAX: Final = 10
QUERY_CHARACTERS_MAX: Final = 2_000
"""Of the criteria, and of each filter."""
EVENTS_DEFAULT: Final = 20
"""Events in one notification, where a subscription does not say how many; an e-mail has as many as may be."""

_BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
FILTER_CRITERIA: Final = f"{_BACKPORT}filter-criteria"
PAYLOAD_CONTENT: Final = f"{_BACKPORT}payload-content"


class Count(NamedTuple):
    """A number that a channel may be asked for: its extension, the element of its value, and what it may be."""

    extension: str
    element: str
    least: int
    most: int


HEARTBEAT_SECONDS: Final = Count(f"{_BACKPORT}heartbeat-period", "valueUnsignedInt", 10, 24 * 60 * 60)
TIMEOUT_SECONDS: Final = Count(f"{_BACKPORT}timeout", "valueUnsignedInt", 1, 60)
EVENTS: Final = Count(f"{_BACKPORT}max-count", "valuePositiveInt", 1, 100)

_COUNTS: Final = frozenset(one.extension for one in (HEARTBEAT_SECONDS, TIMEOUT_SECONDS, EVENTS))
_CROSS_VERSION: Final = re.compile(r"http://hl7\.org/fhir/[0-9]+\.[0-9]+/")
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_QUERY: Final = re.compile(r"(?P<type>[A-Z][A-Za-z]*)(\?(?P<query>[^\x00-\x1f\x7f]+))?")
_MIME: Final = re.compile(
    r'application/(fhir\+)?json( *; *(fhirversion=("4\.0"|4\.0)|charset=("utf-8"|utf-8)))*', re.ASCII | re.IGNORECASE
)
"""It is sent as a header, as it was asked for."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server delivers."""

    channels: frozenset[Channel]
    allow_plain: bool = False
    """Whether endpoints may be http, for development."""


ANYTHING: Final = Offer(frozenset(get_args(Channel)), allow_plain=True)
"""Whatever was accepted once, here or elsewhere."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a subscription is refused; it repeats no value."""

    place: str
    """FHIRPath: `Subscription.channel.endpoint`."""
    code: str
    """Of R4's issue types: `required`, `value`, `not-supported`, `security`, `too-long`, `too-costly`."""
    text: str


class Refused(Exception):
    """A Subscription that would not be delivered as it asks, with everything that is wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{one.place}: {one.text}" for one in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Requested:
    """A Subscription, read."""

    topic: str | None
    """The canonical of a topic; None in a plain R4 subscription."""
    criteria: str
    """Of a plain R4 subscription, `MedicationRequest?status=active` or `MedicationRequest`; "" with a topic."""
    filters: tuple[str, ...]
    """What the topic is narrowed by, each `MedicationRequest?patient=Patient/1`; all of them have to be met."""
    channel: Channel
    endpoint: str
    """An absolute URL; "" of a websocket."""
    headers: tuple[tuple[str, str], ...]
    """Names and values, as they are sent along: they may hold the sink's secret."""
    content: Content
    mime: str
    """As it was asked for, `application/fhir+json`; "" where a plain R4 subscription wants no payload."""
    heartbeat_seconds: int | None
    timeout_seconds: int | None
    max_count: int
    """At most so many events in one notification."""
    end: str | None
    """The instant it ends at, as it was sent."""
    status: str
    """As it was sent."""


class _Reading:
    """A Subscription, and what is found wrong with it on the way."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.channel: Resource = resource.get("channel", {})
        self.criteria: str = resource.get("criteria", "")
        self.topical = _ABSOLUTE.match(self.criteria) is not None
        self.problems: list[Problem] = []

    def refuse(self, place: str, code: str, text: str) -> None:
        self.problems.append(Problem(f"Subscription.{place}", code, text))

    def refuse_all(self, place: str, faults: Iterable[Fault]) -> None:
        for fault in faults:
            self.refuse(place, *fault)


def requested(resource: Resource, offer: Offer) -> Requested:
    """What a Subscription, valid by R4, asks for; `Refused` names every problem there is with it.

    For the caller to judge: whether `end` has passed, whether the endpoint's host is sent to, and whether criteria and
    filters are queries that can be matched.
    """
    reading = _Reading(resource)
    _unknown(reading)
    topic, channel, content = _topic(reading), _channel(reading, offer), _content(reading)
    filters, headers = _filters(reading, topic), _headers(reading)
    endpoint, mime = _endpoint(reading, channel, allow_plain=offer.allow_plain), _mime(reading, content)
    counts = [_count(reading, one) for one in (HEARTBEAT_SECONDS, TIMEOUT_SECONDS, EVENTS)]
    if channel == "email":
        _refuse_what_mail_does_not_do(reading, content)
    if channel == "websocket":
        _refuse_what_sockets_do_not_do(reading, content)
    if reading.problems or channel is None or content is None:
        raise Refused(tuple(reading.problems))
    return Requested(
        topic=topic.url if topic else None,
        criteria="" if topic else reading.criteria,
        filters=filters,
        channel=channel,
        endpoint=endpoint,
        headers=headers,
        content=content,
        mime=mime,
        heartbeat_seconds=counts[0],
        timeout_seconds=counts[1],
        max_count=counts[2] or (EVENTS.most if channel == "email" else EVENTS_DEFAULT),
        end=resource.get("end"),
        status=resource.get("status", ""),
    )


def _refuse_what_mail_does_not_do(reading: _Reading, content: Content | None) -> None:
    """A person reads it, and gets no more of it than need be."""
    if content not in ("empty", None):
        reading.refuse("channel.payload", "security", "E-mail is not confidential: its content has to be empty")
    if "header" in reading.channel:
        reading.refuse("channel.header", "not-supported", "The headers of an e-mail are not for a subscription to set")
    for one in (HEARTBEAT_SECONDS, TIMEOUT_SECONDS):
        for where, _ in _values(reading.channel, one.extension, one.element):
            reading.refuse(f"channel.{where}", "not-supported", "An e-mail has no heartbeat, and no timeout of its own")


def _refuse_what_sockets_do_not_do(reading: _Reading, content: Content | None) -> None:
    if "header" in reading.channel:
        reading.refuse("channel.header", "not-supported", "A websocket has no headers: its client opens it")
    if not reading.topical and content not in ("empty", None):
        text = "Without a topic a websocket says that something has happened, and not what"
        reading.refuse("channel.payload", "not-supported", text)


def _unknown(reading: _Reading) -> None:
    """An extension where the backport puts its own asks for something: what is not understood would not be done."""
    resource, channel = reading.resource, reading.channel
    known: tuple[tuple[str, Resource, frozenset[str]], ...] = (
        ("criteria.", resource.get("_criteria", {}), frozenset({FILTER_CRITERIA})),
        ("channel.", channel, _COUNTS),
        ("channel.type.", channel.get("_type", {}), frozenset()),
        ("channel.payload.", channel.get("_payload", {}), frozenset({PAYLOAD_CONTENT})),
    )
    unknown = [f"{place}{where}" for place, element, urls in known for where, url in _urls(element) if url not in urls]
    unknown += [where for where, url in _urls(resource) if _CROSS_VERSION.match(url)]
    unknown += ["modifierExtension"] if "modifierExtension" in resource else []
    unknown += ["channel.modifierExtension"] if "modifierExtension" in channel else []
    for place in unknown:
        reading.refuse(place, "not-supported", "This extension is not known here, and what it asks for is not done")


def _urls(element: Resource) -> Iterator[tuple[str, str]]:
    """The places of the extensions, and their URLs."""
    for index, extension in enumerate(element.get("extension", ())):
        yield f"extension[{index}]", extension.get("url", "")


def _values(element: Resource, url: str, name: str) -> list[tuple[str, Any]]:
    """The places of the extensions of this URL, and their values; None where it has another type."""
    extensions = element.get("extension", ())
    return [(where, extensions[at].get(name)) for at, (where, found) in enumerate(_urls(element)) if found == url]


def _topic(reading: _Reading) -> Topic | None:
    """The topic; of a plain R4 subscription the query is looked at instead."""
    if not reading.topical:
        reading.refuse_all("criteria", _faults_of_query(reading.criteria))
        return None
    topic = TOPICS.get(reading.criteria)
    if topic is None:
        text = "There is no such topic: the CapabilityStatement names those there are, which have no versions"
        reading.refuse("criteria", "not-supported", text)
    return topic


def _faults_of_query(text: str) -> Iterator[Fault]:
    if len(text) > QUERY_CHARACTERS_MAX:
        yield Fault("too-long", f"A query is at most {QUERY_CHARACTERS_MAX} characters long")
    elif not _QUERY.fullmatch(text):
        yield Fault("value", "It has to be a type of resource, or Type?parameter=value, or the canonical of a topic")


def _filters(reading: _Reading, topic: Topic | None) -> tuple[str, ...]:
    found = _values(reading.resource.get("_criteria", {}), FILTER_CRITERIA, "valueString")
    if len(found) > FILTERS_MAX:
        reading.refuse("criteria", "too-costly", f"More than {FILTERS_MAX} filters")
    for where, value in found:
        faults = _faults_of_filter(value, topic) if topic or not reading.topical else ()
        reading.refuse_all(f"criteria.{where}", faults)
    return tuple(value for _, value in found)


def _faults_of_filter(value: Any, topic: Topic | None) -> Iterator[Fault]:
    """What a topic does not allow; a plain R4 subscription (None) allows none."""
    if topic is None:
        yield Fault("not-supported", "Filters narrow topics; criteria that are a query have it all in the query")
        return
    if isinstance(value, str) and len(value) > QUERY_CHARACTERS_MAX:
        yield Fault("too-long", f"A query is at most {QUERY_CHARACTERS_MAX} characters long")
        return
    query = _QUERY.fullmatch(value) if isinstance(value, str) else None
    pairs = parse_qsl(query["query"] or "", keep_blank_values=True) if query else []
    if query is None or not pairs or not all(asked for _, asked in pairs):
        yield Fault("value", "A filter has to be Type?parameter=value")
    elif query["type"] not in topic.type_names:
        yield Fault("not-supported", f"This topic is of {', '.join(sorted(topic.type_names))}")
    elif not {name.partition(":")[0] for name, _ in pairs} <= set(topic.filters):
        yield Fault("not-supported", f"This topic can be filtered by {', '.join(topic.filters)}")


def _channel(reading: _Reading, offer: Offer) -> Channel | None:
    asked = reading.channel.get("type")
    known: Channel | None = next((one for one in get_args(Channel) if one == asked), None)
    if known not in offer.channels:
        text = f"Notifications go by {', '.join(sorted(offer.channels))} only"
        reading.refuse("channel.type", "not-supported", text)
    return known


def _endpoint(reading: _Reading, channel: Channel | None, *, allow_plain: bool) -> str:
    """The URL of a rest-hook or of an e-mail; a websocket is opened by its client."""
    if channel in (None, "websocket"):
        return ""
    endpoint: str = reading.channel.get("endpoint", "")
    if not endpoint:
        reading.refuse("channel.endpoint", "required", f"The channel {channel} needs an endpoint")
    elif channel == "email":
        reading.refuse_all("channel.endpoint", faults_of_mail(endpoint))
    else:
        reading.refuse_all("channel.endpoint", faults_of_url(endpoint, allow_plain=allow_plain))
    return endpoint


def _headers(reading: _Reading) -> tuple[tuple[str, str], ...]:
    texts = [one or "" for one in reading.channel.get("header", ())]  # null where it has but an extension
    together = list(faults_of_headers(texts))
    reading.refuse_all("channel.header", together)
    found = [] if together else [header(text) for text in texts]
    for index, one in enumerate(found):
        if isinstance(one, Fault):
            reading.refuse(f"channel.header[{index}]", *one)
    return tuple(one for one in found if not isinstance(one, Fault))


def _content(reading: _Reading) -> Content | None:
    """How much is told: of a plain R4 subscription that does not say, all where it wants a payload."""
    found = _values(reading.channel.get("_payload", {}), PAYLOAD_CONTENT, "valueCode")
    if not found and not reading.topical:
        return "full-resource" if "payload" in reading.channel else "empty"
    content: Content | None = next((one for one in get_args(Content) if [one] == [said for _, said in found]), None)
    if content is None:
        text = f"The extension payload-content has to be there once: {', '.join(get_args(Content))}"
        reading.refuse("channel.payload", "value" if found else "required", text)
    return content


def _mime(reading: _Reading, content: Content | None) -> str:
    mime: str = reading.channel.get("payload", "")
    if not mime and (reading.topical or content != "empty"):
        reading.refuse("channel.payload", "required", "The type of the content has to be there")
    elif mime and not _MIME.fullmatch(mime):
        text = "The content is application/fhir+json or application/json, of fhirVersion 4.0"
        reading.refuse("channel.payload", "not-supported", text)
    return mime


def _count(reading: _Reading, count: Count) -> int | None:
    """The number; None where it is not asked for."""
    found = _values(reading.channel, count.extension, count.element)
    if not found:
        return None
    where, value = found[0]
    if len(found) > 1 or type(value) is not int or not count.least <= value <= count.most:
        text = f"It has to be there once, with {count.element} between {count.least} and {count.most}"
        reading.refuse(f"channel.{where}", "value", text)
        return None
    return value
