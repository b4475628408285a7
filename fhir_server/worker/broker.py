"""Celery: tells workers over Redis that there are jobs, and nothing else. The row is the truth.

A message names a kind of job, never a job or what it is about: lost, it is found by looking; doubled, it finds nothing
to do. https://docs.celeryq.dev/en/stable/userguide/configuration.html
"""

import logging
from collections.abc import Callable, Iterable
from threading import Event, Thread
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from celery import Celery
from kombu.exceptions import OperationalError

LOG = logging.getLogger(__name__)

TASK: Final = "galenic.jobs"
QUEUE: Final = "galenic"

REDIS_SECONDS_MAX: Final = 5.0
"""Longest wait for Redis to answer (seconds)."""

AGAIN_SECONDS: Final = 1.0
"""Until Celery begins again where it has ended (seconds)."""

EXPIRES_SECONDS: Final = 60
"""A message nobody has taken by then is dropped: the job was found by looking (seconds)."""


class BrokerAway(Exception):
    """Redis cannot be reached."""


class Broker:
    """One Redis."""

    def __init__(self, url: str) -> None:
        self._app = Celery("galenic", broker=broker_url(url), set_as_current=False)
        self._app.conf.update(
            task_ignore_result=True,
            task_default_queue=QUEUE,
            worker_prefetch_multiplier=1,
            worker_enable_remote_control=False,
            broker_connection_max_retries=None,
            broker_connection_retry_on_startup=True,
            broker_transport_options={
                "socket_timeout": REDIS_SECONDS_MAX,
                "socket_connect_timeout": REDIS_SECONDS_MAX,
            },
        )

    def tell(self, kinds: Iterable[str]) -> None:
        """There is a job of each; raises `BrokerAway`."""
        try:
            with self._app.producer_or_acquire() as producer:
                for kind in kinds:
                    self._app.send_task(TASK, (kind,), producer=producer, retry=False, expires=EXPIRES_SECONDS)
        except OperationalError as error:
            raise BrokerAway(type(error.__cause__ or error).__name__) from error

    def consumer(self, do: Callable[[str], None], at_once_max: int) -> "Consumer":
        """Calls `do` with the kinds it is told, in threads: at most so many at once; each returns when it has done."""

        @self._app.task(name=TASK, shared=False)  # type: ignore[untyped-decorator] # celery has no types
        def told(kind: str) -> None:
            do(kind)

        return Consumer(self._app, at_once_max)


class Consumer:
    """A Celery worker in a thread of this process, which can have one: Celery's threads ask for the app of all."""

    def __init__(self, app: Celery, at_once_max: int) -> None:
        app.set_default()
        self._app = app
        self._at_once_max = at_once_max
        self._controller: Any = self._made()
        self._is_stopping = Event()
        self._thread = Thread(target=self._run, name="celery", daemon=True)

    def _made(self) -> Any:
        return self._app.WorkController(
            pool_cls="threads",
            concurrency=self._at_once_max,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )

    def _run(self) -> None:
        """Celery waits for a Redis that is away, and ends where one refuses, as a replica does."""
        self._controller.start()
        while not self._is_stopping.wait(AGAIN_SECONDS):
            LOG.warning("Celery has ended and begins again")
            self._controller = self._made()
            self._controller.start()

    def start(self) -> None:
        """Without Redis it waits for it."""
        self._thread.start()

    def stop(self) -> None:
        """When what it called has returned."""
        self._is_stopping.set()
        self._controller.stop()


def broker_url(url: str) -> str:
    """As Celery's transport wants it: redis-py's `unix://` is its `redis+socket://`."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={database}"
