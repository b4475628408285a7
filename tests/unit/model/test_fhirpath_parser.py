from decimal import Decimal

import pytest

from fhir_server.model.fhirpath.lexer import LENGTH_MAX
from fhir_server.model.fhirpath.parser import DEPTH_MAX, parse
from fhir_server.model.fhirpath.syntax import (
    Call,
    Comparison,
    Expression,
    FhirPathError,
    Field,
    Item,
    Literal,
    Logic,
    Path,
    TypeStep,
    Union,
)


def path(*names: str) -> Path:
    return Path(None, tuple(Field(name, 0) for name in names))


def without_positions(expression: Expression) -> Expression:
    """The same tree with every position 0, to compare shapes."""
    if isinstance(expression, Path):
        start = None if expression.start is None else without_positions(expression.start)
        return Path(start, tuple(step_without_position(step) for step in expression.steps))
    if isinstance(expression, Comparison):
        left, right = map(without_positions, (expression.left, expression.right))
        return Comparison(expression.operator, left, right)
    if isinstance(expression, Logic):
        return Logic(expression.operator, tuple(map(without_positions, expression.operands)))
    if isinstance(expression, Union):
        return Union(tuple(map(without_positions, expression.operands)))
    return expression


def step_without_position(step):
    if isinstance(step, Field):
        return Field(step.name, 0)
    if isinstance(step, Item):
        return Item(step.index, 0)
    if isinstance(step, TypeStep):
        return TypeStep(step.operator, step.type_name, 0)
    return Call(step.function, tuple(map(without_positions, step.arguments)), 0)


def tree(text: str) -> Expression:
    return without_positions(parse(text))


def test_a_path_is_flat():
    assert tree("Patient.name.given") == path("Patient", "name", "given")


def test_white_space_means_nothing():
    assert tree(" Patient . name\n.given\t") == tree("Patient.name.given")


def test_parentheses_around_a_path_change_nothing():
    assert tree("(Patient.name).given") == tree("Patient.name.given")


@pytest.mark.parametrize("text", ["a as string", "a.as(string)", "(a as FHIR.string)", "a.as(FHIR.`string`)"])
def test_as_is_a_step_however_it_is_written(text):
    assert tree(text) == Path(None, (Field("a", 0), TypeStep("as", "string", 0)))


def test_a_system_type_keeps_its_namespace():
    assert tree("a is System.String") == Path(None, (Field("a", 0), TypeStep("is", "System.String", 0)))


def test_as_binds_tighter_than_the_bar_and_the_bar_tighter_than_equality():
    alternatives = Union((Path(None, (Field("a", 0), TypeStep("as", "Period", 0))), path("b")))
    assert tree("a as Period | b = true") == Comparison("=", alternatives, Literal(value=True))


def test_and_binds_tighter_than_or():
    assert tree("a or b and c") == Logic("or", (path("a"), Logic("and", (path("b"), path("c")))))


def test_or_joins_any_number_of_operands():
    assert tree("a or b or c") == Logic("or", (path("a"), path("b"), path("c")))


def test_a_function_holds_its_argument():
    comparison = Comparison("!=", path("use"), Literal("official"))
    assert tree("name.where(use != 'official').exists()") == Path(
        None, (Field("name", 0), Call("where", (comparison,), 0), Call("exists", (), 0))
    )


def test_an_index_is_a_step():
    assert tree("Bundle.entry[12].resource") == Path(
        None, (Field("Bundle", 0), Field("entry", 0), Item(12, 0), Field("resource", 0))
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it'", "it"),
        (r"'it\'s \u00e9 \\ \n'", "it's é \\ \n"),
        ("true", True),
        ("false", False),
        ("12", 12),
        ("1.50", Decimal("1.50")),
    ],
)
def test_a_literal_is_its_value(text, value):
    literal = parse(text)
    assert isinstance(literal, Literal)
    assert (type(literal.value), str(literal.value)) == (type(value), str(value))


def test_keywords_are_names_behind_a_dot():
    assert tree("a.is.as.and") == path("a", "is", "as", "and")


def test_back_quotes_hold_a_name():
    assert tree(r"`div`.`a\`b`") == path("div", "a`b")


@pytest.mark.parametrize(
    ("text", "name", "position"),
    [
        ("", "unexpected-token", 0),
        ("a.", "unexpected-token", 2),
        ("a b", "unexpected-token", 2),
        ("a[", "unexpected-token", 2),
        ("a[b]", "unexpected-token", 2),
        ("a[1.5]", "unexpected-token", 2),
        ("a[0", "unexpected-token", 3),
        ("a = b = c", "unexpected-token", 6),
        ("a in b", "unexpected-token", 2),
        ("a is ", "unexpected-token", 5),
        ("(a", "unexpected-token", 2),
        ("a)", "unexpected-token", 1),
        ("a + 1", "unexpected-character", 2),
        ("%resource", "unexpected-character", 0),
        ("@2020-01-01", "unexpected-character", 0),
        ("a[1234567890123456789]", "unexpected-character", 2),
        ("a = 'x", "unterminated", 4),
        ("`a", "unterminated", 0),
        (r"a = 'x\q'", "bad-escape", 6),
        ("a.repeat(b)", "unsupported-function", 2),
        ("a.where()", "wrong-arguments", 2),
        ("a.first(1)", "wrong-arguments", 2),
        ("a.exists(b, c)", "wrong-arguments", 2),
    ],
)
def test_what_is_not_read_is_refused_by_name_and_position(text, name, position):
    with pytest.raises(FhirPathError) as caught:
        parse(text)
    assert (caught.value.name, caught.value.position) == (name, position)


def test_the_length_has_a_limit():
    assert tree("a" * LENGTH_MAX) == path("a" * LENGTH_MAX)
    with pytest.raises(FhirPathError, match="too-long"):
        parse("a" * (LENGTH_MAX + 1))


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("where(", ")")])
def test_the_depth_has_a_limit(opening, closing):
    parse(opening * DEPTH_MAX + "a" + closing * DEPTH_MAX)
    with pytest.raises(FhirPathError, match="too-deep"):
        parse(opening * (DEPTH_MAX + 1) + "a" + closing * (DEPTH_MAX + 1))


def test_depth_counts_nesting_and_not_neighbours():
    assert isinstance(parse("(a)|" * (DEPTH_MAX * 2) + "(a)"), Union)


@pytest.mark.parametrize("link", [".a", "|a", " or a", "[0]"])
def test_the_longest_chain_is_read(link):
    parse("a" + link * ((LENGTH_MAX - 1) // len(link)))
