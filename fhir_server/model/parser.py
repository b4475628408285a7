"""The one JSON parser: strict, and it keeps every number's text.

A number with a fraction or an exponent stays a `msgspec.Raw` (its `bytes()` are the text as it was sent), so
`1.00`, `1e5` and 19 digits come back as written. https://hl7.org/fhir/R4/json.html
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NoReturn

import msgspec

from fhir_server.errors import Issue, Malformed, TooCostly

NUMBER_CHARACTERS_MAX = 64
"""Longest number accepted (characters); R4 asks for 18 significant digits."""

MEMBERS_MAX = 1_000
"""Members of one object at most (members); no R4 type has half of that."""

Number = int | msgspec.Raw

_LONG_NUMBER = re.compile(rb"[-+.0-9eE]{%d}" % (NUMBER_CHARACTERS_MAX + 1))
_NEGATIVE_ZERO = re.compile(rb"-0(?![.0-9eE])")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NESTING = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_ODD_ESCAPES = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def raw_number(text: str) -> msgspec.Raw:
    """A number that is written exactly as `text`."""
    return msgspec.Raw(text.encode())


_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=raw_number)


def parse(body: bytes, depth_max: int) -> Any:
    """The JSON value in `body`; raises `Malformed` naming the place, `TooCostly` past `depth_max` levels."""
    structure = _without_strings(body)
    _refuse_depth(structure, depth_max)
    if _LONG_NUMBER.search(structure):
        raise _malformed(f"a number is longer than {NUMBER_CHARACTERS_MAX} characters")
    odd_characters = bool(_ODD_ESCAPES.search(body))
    value = _decode(body, plain=not odd_characters and not _NEGATIVE_ZERO.search(structure))
    if structure.count(b":") != _count_keys(value):
        _name_duplicate_key(body)
    if odd_characters:
        _refuse_characters(value)
    return value


def parse_object(body: bytes, depth_max: int) -> dict[str, Any]:
    """Like `parse`, and what is not a JSON object is refused."""
    value = parse(body, depth_max)
    if not isinstance(value, dict):
        raise _malformed("a JSON object is expected")
    return value


def parse_written(body: bytes) -> Any:
    """What `write` wrote of a parsed value: its depth, keys and characters need no second look."""
    return _decode(body, plain=b"-0" not in body or not _NEGATIVE_ZERO.search(_without_strings(body)))


def write(value: Any) -> bytes:
    """Compact JSON; numbers and the order of members stay as they were parsed."""
    return msgspec.json.encode(value)


def _without_strings(body: bytes) -> bytes:
    """The brackets, commas, colons and numbers of `body`; a run of backslashes pairs up from its start."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(body.split(b'"')[::2])


def _malformed(problem: str, expression: str = "") -> Malformed:
    message = f"The body is not acceptable JSON: {problem}"
    return Malformed(message, [Issue("structure", message, expression)])


def _refuse_depth(structure: bytes, depth_max: int) -> None:
    if structure.count(b"{") + structure.count(b"[") <= depth_max:
        return
    brackets = structure.translate(None, _NOT_BRACKETS)
    if max(accumulate(map(_NESTING.__getitem__, brackets))) > depth_max:
        message = f"The JSON is nested deeper than {depth_max} levels"
        raise TooCostly(message, [Issue("too-costly", message)])


def _decode(body: bytes, *, plain: bool) -> Any:
    """Where msgspec has no hook (-0 would become 0, a lone surrogate has no place), `json` reads instead."""
    try:
        if plain:
            return _DECODER.decode(body)
        return json.loads(body.decode(), parse_float=raw_number, parse_int=_integer, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise _malformed("it is not valid UTF-8") from error
    except RecursionError as error:
        raise _malformed("it is nested too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise _malformed(str(error).removeprefix("JSON is malformed: ")) from error


def _integer(text: str) -> Number:
    return raw_number(text) if text == "-0" else int(text)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _count_keys(value: Any) -> int:
    """Members of all objects below `value`; raises `TooCostly` where one object has too many."""
    count, stack = 0, [value]
    while stack:
        item = stack.pop()
        if type(item) is dict:
            if len(item) > MEMBERS_MAX:
                raise TooCostly(f"A JSON object may have {MEMBERS_MAX} members; this one has {len(item)}")
            count += len(item)
            stack.extend(child for child in item.values() if type(child) in (dict, list))
        elif type(item) is list:
            stack.extend(child for child in item if type(child) in (dict, list))
    return count


def _name_duplicate_key(body: bytes) -> NoReturn:
    def refuse(pairs: list[tuple[str, Any]]) -> None:
        key, times = Counter(key for key, _ in pairs).most_common(1)[0] if pairs else ("", 0)
        if times > 1:
            raise _malformed(f"the property '{key[:60]}' occurs {times} times in one object")

    json.loads(body, object_pairs_hook=refuse)
    raise _malformed("an object repeats a property")


def _refuse_characters(value: Any) -> None:
    for path, text in _strings(value, "$"):
        if "\0" in text:
            raise _malformed(f"the character U+0000 is not allowed (at {path})")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise _malformed(f"a lone surrogate is not a character (at {path})")


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, child in value.items():
            yield path, key
            yield from _strings(child, f"{path}.{key[:60]}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _strings(child, f"{path}[{index}]")
