"""Slow hosts have half of the lanes, whatever they answer in between; what waits for a place is seldom looked at."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from fhir_server.notifications import sites
from fhir_server.notifications.delivering import LANES
from fhir_server.notifications.sites import (
    LOOKS_A_SECOND,
    SITE_MAX,
    SLOW_FOR_SECONDS,
    SLOW_MAX,
    SLOW_SECONDS,
    Sites,
)
from fhir_server.storage.jobs import Job
from fhir_server.storage.rounds import Waiting


class Moving:
    """A clock that goes on when it is told to."""

    seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def a_job(fence: int = 1) -> Job:
    now = datetime.now(UTC)
    return Job(uuid4(), "notify", "1", "running", {}, 0, 0, 0, fence, now, now, None, None, None)


def crowded(one: Sites, messages: int) -> None:
    """So many are under way, SITE_MAX to a site."""
    for rid in range(messages):
        one.begin(rid, uuid4(), f"slow-{rid // SITE_MAX}")


def test_a_site_has_its_share_and_no_more() -> None:
    one = Sites(Moving())
    crowded(one, SITE_MAX)
    assert not one.places().has("slow-0")
    assert one.places().has("slow-1")
    one.end(0)
    assert one.places().has("slow-0")


def test_slow_sites_have_half_of_the_lanes_together_before_any_has_answered() -> None:
    clock = Moving()
    one = Sites(clock)
    crowded(one, SLOW_MAX - SITE_MAX // 2)
    assert one.places().has("slow-7")
    clock.seconds += SLOW_SECONDS + 1
    assert one.places().has("slow-7")
    for rid in range(SLOW_MAX - SITE_MAX // 2, SLOW_MAX):
        one.begin(rid, uuid4(), "slow-8")
    clock.seconds += SLOW_SECONDS + 1
    assert not one.places().has("slow-7")
    assert one.places().has("quick")
    assert LANES - SLOW_MAX == SLOW_MAX


def test_a_quick_answer_does_not_make_a_site_quick_again_before_its_time() -> None:
    clock = Moving()
    one = Sites(clock)
    one.begin(-1, uuid4(), "now and then")
    clock.seconds += SLOW_SECONDS + 1
    one.end(-1)
    one.begin(-1, uuid4(), "now and then")
    one.end(-1)
    crowded(one, SLOW_MAX)
    clock.seconds += SLOW_FOR_SECONDS - 1
    assert not one.places().has("now and then")
    clock.seconds += 2
    assert one.places().has("now and then")


def test_those_who_wait_for_one_site_are_looked_at_so_many_times_a_second_however_many_they_are() -> None:
    one = Sites(Moving())
    jobs = [a_job() for _ in range(600)]
    for job in jobs:
        one.wait(job, "hanging")
    again = [one.wait(job, "hanging") for job in jobs]
    assert sum(1 / seconds for seconds in again) < 1.5 * LOOKS_A_SECOND


def test_whoever_waits_alone_is_looked_at_soon() -> None:
    assert Sites(Moving()).wait(a_job(), "busy") < 2 * sites.LOOK_SECONDS


def test_as_many_are_woken_as_there_are_places_and_the_longest_waiting_first() -> None:
    one = Sites(Moving())
    crowded(one, SITE_MAX)
    first, second, third = (a_job(fence) for fence in (5, 6, 7))
    for job in (first, second, third):
        one.wait(job, "slow-0")
    assert one.next(one.places()) == []
    one.end(0)
    assert one.next(one.places()) == [Waiting(first.id, 5)]
    one.begin(100, first.id, "slow-0")
    one.end(1)
    one.begin(101, second.id, "slow-0")  # it was looked at before it was woken
    one.end(2)
    assert one.next(one.places()) == [Waiting(third.id, 7)]


def test_slow_sites_are_woken_in_turn() -> None:
    clock = Moving()
    one = Sites(clock)
    crowded(one, SLOW_MAX)
    clock.seconds += SLOW_SECONDS + 1
    one.places()
    waiting: dict[UUID, str] = {}
    for site in ("slow-0", "slow-1"):
        for _ in range(2):
            job = a_job()
            waiting[job.id] = site
            one.wait(job, site)
    woken = []
    for number, rid in enumerate((0, SITE_MAX, 1)):
        one.end(rid)
        (found,) = one.next(one.places())
        woken.append(waiting[found.job])
        one.begin(1_000 + number, found.job, waiting[found.job])
    assert woken == ["slow-0", "slow-1", "slow-0"]


def test_only_so_many_slow_sites_and_waiting_jobs_are_remembered(monkeypatch) -> None:
    monkeypatch.setattr(sites, "SITES_MAX", 2)
    monkeypatch.setattr(sites, "WAITING_MAX", 2)
    clock = Moving()
    one = Sites(clock)
    for rid in range(3):
        one.begin(rid, uuid4(), f"site-{rid}")
    clock.seconds += SLOW_SECONDS + 1
    for rid in range(3):
        one.end(rid)
        one.wait(a_job(), "site")
    slow = one.places().slow
    assert [f"site-{rid}" in slow for rid in range(3)] == [False, True, True]
    assert len(one.next(one.places())) == 2
