"""Random JSON as the server holds it: plain containers, and numbers with a fraction as `msgspec.Raw`."""

from decimal import Decimal

import msgspec
from hypothesis import strategies as st


def number(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def as_text(value) -> bytes:
    """Bytes that differ where two trees differ in anything, the order of members and a number's zeros too."""
    return msgspec.json.encode(value)


names = st.text(alphabet="ab~/0- é", max_size=3)
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=2).map(lambda value: number(str(Decimal(value))))
leaves = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | numbers


def _containers(children):
    return st.lists(children, max_size=3) | st.dictionaries(names, children, max_size=3)


trees = st.recursive(leaves, _containers, max_leaves=12)
resources = st.dictionaries(names, trees, max_size=4)


def pointers(value, place: str = "") -> list[str]:
    """The JSON Pointers of everything in `value`, itself excepted."""
    found = []
    for key, child in _members(value):
        pointer = f"{place}/{str(key).replace('~', '~0').replace('/', '~1')}"
        found += [pointer, *pointers(child, pointer)]
    return found


def _members(value):
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []
