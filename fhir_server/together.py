"""Many who ask for the same kind of thing, served together: those that wait while others are served come next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from fhir_server.errors import Unavailable

AT_ONCE_MAX: Final = 64
"""Those that are served together at most."""

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Together(Generic[Asked, Answer]):
    """One event loop's. `serve` answers those it is given, in their order; an exception is raised to its own asker."""

    def __init__(self, serve: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]]) -> None:
        self._serve = serve
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._serving: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answer:
        """Raises what `serve` answers or raises."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        """Ends in the very step in which it finds nobody waiting."""
        while self._waiting:
            group, self._waiting = self._waiting[:AT_ONCE_MAX], self._waiting[AT_ONCE_MAX:]
            for (_, future), answer in zip(group, await self._answers([asked for asked, _ in group]), strict=True):
                _settle(future, answer)

    async def _answers(self, group: Sequence[Asked]) -> Sequence[Answer | Exception]:
        """Where they fail together each is served alone: what is wrong with one is wrong with no other."""
        try:
            return await self._serve(group)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            if len(group) == 1 or isinstance(error, Unavailable):
                return [error] * len(group)
        return [answer for one in group for answer in await self._answers([one])]


def _settle(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    """Whoever has been cancelled meanwhile is told nothing."""
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
