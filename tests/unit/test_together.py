"""Those that ask at the same time are served together, and none for another's sake worse."""

import asyncio
from collections.abc import Sequence

import pytest

from fhir_server.errors import Unavailable
from fhir_server.together import AT_ONCE_MAX, Together


class Serving:
    """Doubles what it is given, once it may; never a 13, which fails those that are served with it."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may = asyncio.Event()
        self.away = False

    async def __call__(self, group: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(group))
        await self.may.wait()
        if self.away:
            raise Unavailable("away")
        if 13 in group:
            raise ValueError
        return [LookupError() if one == 7 else 2 * one for one in group]


@pytest.fixture
def serving() -> Serving:
    return Serving()


async def asked(serving: Serving, *numbers: int) -> list[int | BaseException]:
    """What the numbers are told, of which the first is being served when the others come."""
    together: Together[int, int] = Together(serving)
    first = asyncio.create_task(together.ask(numbers[0]))
    while not serving.groups:
        await asyncio.sleep(0)
    others = [asyncio.create_task(together.ask(number)) for number in numbers[1:]]
    await asyncio.sleep(0)
    serving.may.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


async def test_those_that_wait_while_others_are_served_come_together_next(serving: Serving) -> None:
    assert await asked(serving, 1, 2, 3) == [2, 4, 6]
    assert serving.groups == [[1], [2, 3]]


async def test_no_more_are_served_together_than_may_be(serving: Serving) -> None:
    assert len(await asked(serving, *range(20, 22 + AT_ONCE_MAX))) == AT_ONCE_MAX + 2
    assert [len(group) for group in serving.groups] == [1, AT_ONCE_MAX, 1]


async def test_what_fails_together_is_served_alone_and_fails_alone(serving: Serving) -> None:
    one, two, failed, three = await asked(serving, 1, 2, 13, 3)
    assert (one, two, three) == (2, 4, 6)
    assert isinstance(failed, ValueError)
    assert serving.groups == [[1], [2, 13, 3], [2], [13], [3]]


async def test_an_error_that_is_an_answer_is_raised_to_its_own_asker_alone(serving: Serving) -> None:
    one, failed, two = await asked(serving, 1, 7, 2)
    assert (one, two) == (2, 4)
    assert isinstance(failed, LookupError)


async def test_where_the_database_is_away_all_are_told_at_once(serving: Serving) -> None:
    serving.away = True
    assert [type(one) for one in await asked(serving, 1, 2, 3)] == [Unavailable] * 3
    assert serving.groups == [[1], [2, 3]]


async def test_whoever_leaves_before_the_answer_keeps_no_other_from_theirs(serving: Serving) -> None:
    together: Together[int, int] = Together(serving)
    leaving, staying = (asyncio.create_task(together.ask(one)) for one in (1, 2))
    while not serving.groups:
        await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    serving.may.set()
    assert await staying == 4
    assert await together.ask(5) == 10
