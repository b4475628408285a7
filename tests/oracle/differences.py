"""What a server and the oracle say of one query, side by side."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from tests.oracle.evaluate import Found, Oracle, Pairs
from tests.oracle.json_text import dump_exact
from tests.oracle.references import Key

SHOWN_MAX = 4


@dataclass(frozen=True)
class Answer:
    """Of a server: its matches in order, what it included; or why it refused."""

    ids: list[str]
    included: frozenset[Key]
    refusal: str | None = None


def difference(oracle: Oracle, type_name: str, pairs: Pairs, answer: Answer) -> str | None:
    """A text to read, or None where both agree."""
    found = oracle.search(type_name, pairs)
    faults = [answer.refusal] if answer.refusal else list(_faults(oracle, type_name, pairs, found, answer))
    if not faults:
        return None
    return "\n".join([f"{type_name}?" + "&".join(map("=".join, pairs)), *(f"    {fault}" for fault in faults)])


def _faults(oracle: Oracle, type_name: str, pairs: Pairs, found: Found, answer: Answer) -> Iterator[str]:
    asked = set(answer.ids)
    for label, ids in (("missing", found.ids - asked), ("superfluous", asked - found.ids)):
        yield from (f"{label}: {_shown(oracle, (type_name, one), pairs)}" for one in _some(ids))
        yield from [f"{label}: {len(ids)} together"] if len(ids) > SHOWN_MAX else []
    yield from (f"twice: {one}" for one, count in Counter(answer.ids).items() if count > 1)
    if asked == found.ids:
        yield from _disorder(oracle, type_name, pairs, found, answer.ids)
    for label, keys in (
        ("not included", found.included - answer.included),
        ("included", answer.included - found.included),
    ):
        yield from (f"{label}: {'/'.join(key)}" for key in sorted(keys)[:SHOWN_MAX])


def _disorder(oracle: Oracle, type_name: str, pairs: Pairs, found: Found, ids: list[str]) -> Iterator[str]:
    """Where the order first differs; ties may stand in any order."""
    start = 0
    for group in found.groups:
        there = ids[start : start + len(group)]
        start += len(group)
        if set(there) != group:
            sooner, later = set(there) - group, group - set(there)
            yield from (f"too soon: {_shown(oracle, (type_name, one), pairs)}" for one in _some(sooner))
            yield from (f"too late: {_shown(oracle, (type_name, one), pairs)}" for one in _some(later))
            return


def _some(ids: Iterable[str]) -> list[str]:
    return sorted(ids)[:SHOWN_MAX]


def _shown(oracle: Oracle, key: Key, pairs: Pairs) -> str:
    """The values that the query's own parameters find."""
    resource = oracle.store.get(key)
    if resource is None:
        return f"{'/'.join(key)}, which nobody loaded"
    parameters = [oracle.store.definitions.find(key[0], code) for code in _codes(pairs)]
    values = {p.code: [each.value for each in oracle.store.elements(resource, p)] for p in parameters if p}
    return f"{'/'.join(key)} {dump_exact(values)}"[:1000]


def _codes(pairs: Pairs) -> list[str]:
    names = [name.partition(".")[0].partition(":")[0] for name, _ in pairs]
    sorts = [code.removeprefix("-") for name, value in pairs if name == "_sort" for code in value.split(",")]
    words = [value.replace("(", " ").split() for name, value in pairs if name == "_filter"]
    return [
        *dict.fromkeys([*names, *chain.from_iterable(one.split(",") for one in sorts), *chain.from_iterable(words)])
    ]
