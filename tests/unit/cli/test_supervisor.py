"""What dies is started again: at once the first time, then later and later."""

import pytest

from fhir_server.cli import supervisor
from fhir_server.cli.supervisor import DELAYS_SECONDS, STEADY_SECONDS, Supervisor
from fhir_server.embedded.place import EmbeddedError


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


class Mortal:
    name = "mortal"
    pid = 1

    def __init__(self, stopped=None, name="mortal"):
        self.name = name
        self.launches = 1
        self.alive = True
        self.breaks = False
        self.stopped = stopped if stopped is not None else []

    def launch(self):
        self.launches += 1
        if self.breaks:
            raise EmbeddedError("no")
        self.alive = True

    def is_running(self):
        return self.alive

    def stop(self):
        self.stopped.append(self.name)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(supervisor, "time", clock)
    return clock


@pytest.fixture
def watched(clock):
    service, watcher = Mortal(), Supervisor()
    watcher.add(service)
    return service, watcher


def test_what_lives_is_left_alone(watched):
    service, watcher = watched
    watcher.check()
    assert service.launches == 1


def test_the_first_death_is_mended_at_once(watched):
    service, watcher = watched
    service.alive = False
    watcher.check()
    assert service.launches == 2


def test_repeated_deaths_are_mended_later_each_time_up_to_five_seconds(watched, clock):
    service, watcher = watched
    waits = []
    for _ in range(9):
        service.alive, before, launches = False, clock.now, service.launches
        while service.launches == launches:
            watcher.check()
            clock.now += 0.05
        waits.append(clock.now - before)
    assert waits == sorted(waits)
    assert waits[0] < 0.1
    assert waits[-1] == pytest.approx(DELAYS_SECONDS[-1], abs=0.2)


def test_a_long_life_forgives_earlier_deaths(watched, clock):
    service, watcher = watched
    for _ in range(5):
        service.alive = False
        clock.now += 6
        watcher.check()
        clock.now += 6
        watcher.check()
    clock.now += STEADY_SECONDS + 1
    launches = service.launches
    service.alive = False
    watcher.check()
    assert service.launches == launches + 1


def test_a_service_that_cannot_start_is_tried_again(watched, clock):
    service, watcher = watched
    service.alive, service.breaks = False, True
    watcher.check()
    service.breaks = False
    clock.now += 1
    watcher.check()
    clock.now += 1
    watcher.check()
    assert service.alive


def test_services_stop_in_the_reverse_of_their_start(clock):
    stopped, watcher = [], Supervisor()
    for name in ("postgres", "valkey", "worker", "api-1"):
        watcher.add(Mortal(stopped, name))
    watcher.stop()
    assert stopped == ["api-1", "worker", "valkey", "postgres"]
