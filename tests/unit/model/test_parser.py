"""Strict, and every number as it was written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import Malformed, TooCostly
from fhir_server.model.parser import NUMBER_CHARACTERS_MAX, parse, parse_object, write

DEPTH = 100

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?", fullmatch=True)


@given(NUMBERS)
def test_a_number_comes_back_as_it_was_written(number: str) -> None:
    body = f'{{"value":{number}}}'.encode()
    assert write(parse(body, DEPTH)) == body


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
        lambda child: st.lists(child) | st.dictionaries(st.text(), child),
    )
)
def test_any_json_comes_back_equal_and_in_its_order(value: object) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8
        return
    if b"\\u0000" in text:
        return
    assert json.loads(write(parse(text, DEPTH))) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":1}x',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":-0,"b":NaN}',
        b'{"a":.5}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":"\x01"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"a":"\\u0000"}',
        b'{"\\u0000":1}',
        b'{"a":1,"a":1}',
        b'{"a":[{"b":{"c":1,"c":2}}]}',
        b'{"a":{},"a":{}}',
        b"{'a':1}",
        b'{"a":' + b"9" * (NUMBER_CHARACTERS_MAX + 1) + b"}",
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body, DEPTH)


def test_a_duplicate_key_is_named() -> None:
    with pytest.raises(Malformed, match="'family' occurs 2 times"):
        parse(b'{"name":[{"family":"A","family":"B"}]}', DEPTH)


@pytest.mark.parametrize(
    "body",
    [b'{"a":"{\\"b\\":1,\\"b\\":2}"}', b'{"a":"\\\\u0000"}', b'{"a":"x\\\\","b":"\\\\\\""}', b'{"a":"\\ud83d\\ude00"}'],
)
def test_what_only_looks_like_a_fault_is_accepted(body: bytes) -> None:
    assert parse(body, DEPTH) == json.loads(body)


def test_nesting_is_limited_to_the_given_depth() -> None:
    parse(b"[" * DEPTH + b"]" * DEPTH, DEPTH)
    with pytest.raises(TooCostly):
        parse(b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), DEPTH)
    with pytest.raises(TooCostly):
        parse(b'{"a":' * 100_000, DEPTH)


def test_brackets_in_texts_are_no_nesting() -> None:
    assert parse(b'{"a":"' + b"[" * 1_000 + b'"}', DEPTH) == {"a": "[" * 1_000}


def test_an_object_is_expected_where_a_resource_is() -> None:
    with pytest.raises(Malformed):
        parse_object(b"[]", DEPTH)
