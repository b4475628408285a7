"""The tables of the documentation are those the code has, and its example is a subscription that is taken."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from subscriptions.endpoint import HEADER_CHARACTERS_MAX, HEADERS_MAX, URL_CHARACTERS_MAX
from subscriptions.request import (
    EVENTS,
    EVENTS_DEFAULT,
    FILTERS_MAX,
    HEARTBEAT_SECONDS,
    QUERY_CHARACTERS_MAX,
    TIMEOUT_SECONDS,
    Count,
    Offer,
    requested,
)
from subscriptions.retrying import FIRST_SECONDS, GIVE_UP_SECONDS, MOST_SECONDS
from subscriptions.states import STATES
from subscriptions.topics import TOPICS, Topic, Trigger

DOCS = Path(__file__).parents[3] / "docs" / "subscriptions"
PAGE = (DOCS / "README.md").read_text()
TOPICS_PAGE = (DOCS / "topics.md").read_text()
EXAMPLES = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]


def cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else "any"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def topic_row(topic: Topic) -> str:
    return row(f"`{topic.name}`", topic.description)


def trigger_row(topic: Topic, one: Trigger) -> str:
    interactions = ", ".join(name for name in ("create", "update", "delete") if name in one.interactions)
    previous, current = cell(one.previous), cell(one.current)
    if "create" in one.interactions:
        previous += " or none" if one.on_create else ""
    if one.interactions == {"delete"}:
        current = "none"
    return row(f"`{topic.name}`", one.type_name, interactions, previous, current)


def filter_row(topic: Topic) -> str:
    return row(f"`{topic.name}`", ", ".join(f"`{name}`" for name in topic.filters))


def state_row(state: str | None, event: str, after: str) -> str:
    return row(state or "", event.replace("_", " "), after)


def counted(count: Count) -> str:
    return f"{count.least:,} to {count.most:,}"


OFFERED = Offer(frozenset({"rest-hook", "websocket", "email"}))
TOPIC_LINES = [topic_row(topic) for topic in TOPICS.values()]
TRIGGER_LINES = [trigger_row(topic, one) for topic in TOPICS.values() for one in topic.triggers]
FILTER_LINES = [filter_row(topic) for topic in TOPICS.values()]
STATE_LINES = [state_row(state, *one) for state, events in STATES.items() for one in events.items()]

EVENTS_UNSAID = f"where it is not said {EVENTS_DEFAULT}, by e-mail {EVENTS.most}"


def table(page: str, heading: str) -> list[str]:
    """The rows below a heading, without the head."""
    rows = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].splitlines()
    return [line for line in rows if line.startswith("| ")][2:]


@pytest.mark.parametrize(
    ("page", "heading", "lines"),
    [
        (TOPICS_PAGE, "Topics", TOPIC_LINES),
        (TOPICS_PAGE, "Triggers", TRIGGER_LINES),
        (TOPICS_PAGE, "Filters", FILTER_LINES),
        (PAGE, "States", STATE_LINES),
    ],
)
def test_a_table_of_the_pages_is_the_one_of_the_code(page: str, heading: str, lines: list[str]) -> None:
    assert table(page, heading) == lines


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    assert table(PAGE, "Limits") == [
        row("characters of an endpoint", f"{URL_CHARACTERS_MAX:,}"),
        row("headers", f"{HEADERS_MAX:,}"),
        row("characters of all headers", f"{HEADER_CHARACTERS_MAX:,}"),
        row("filters", f"{FILTERS_MAX:,}"),
        row("characters of the criteria, and of a filter", f"{QUERY_CHARACTERS_MAX:,}"),
        row("heartbeat-period (seconds)", counted(HEARTBEAT_SECONDS)),
        row("timeout (seconds)", counted(TIMEOUT_SECONDS)),
        row(
            "max-count (events in a notification)",
            f"{counted(EVENTS)}; {EVENTS_UNSAID}",
        ),
        row("wait before the second attempt (seconds)", f"{FIRST_SECONDS / 2:g} to {FIRST_SECONDS:g}"),
        row("longest wait between attempts (minutes)", f"{MOST_SECONDS / 60:g}"),
        row("how long a notification is tried (days)", f"{GIVE_UP_SECONDS / 86_400:g}"),
    ]


def test_the_channels_of_the_page_are_those_that_deliver() -> None:
    assert {line.split("`")[1] for line in table(PAGE, "Channels") if not line.endswith("| no |")} == OFFERED.channels


def test_the_examples_are_subscriptions_that_are_valid_and_taken(
    problems: Callable[[dict[str, Any]], list[str]],
) -> None:
    subscriptions = [one for one in EXAMPLES if one["resourceType"] == "Subscription"]
    assert [requested(one, OFFERED).topic is None for one in subscriptions] == [False, True]
    assert [problems(one) for one in EXAMPLES] == [[] for _ in EXAMPLES]
