"""FHIRPath text to its tree, by recursive descent in one pass. https://hl7.org/fhirpath/N1/#grammar.

Operators from loose to tight: `or`, `and`, `=` and `!=`, `|`, `is` and `as`, then the steps of a path.
What the grammar has and this has not (arithmetic, `~`, variables, dates, other functions) is refused.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from fhir_server.model.fhirpath.lexer import Token, tokens
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
    Step,
    TypeStep,
    Union,
)

DEPTH_MAX = 16
"""Most parentheses and arguments inside one another; official expressions have 2."""

ARGUMENTS = {
    "where": (1, 1),
    "exists": (0, 1),
    "empty": (0, 0),
    "not": (0, 0),
    "first": (0, 0),
    "last": (0, 0),
    "single": (0, 0),
    "resolve": (0, 0),
    "extension": (1, 1),
    "hasExtension": (1, 1),  # not FHIRPath, and an official search parameter of QuestionnaireResponse uses it
}
"""The functions read, with the fewest and most arguments of each."""

_T = TypeVar("_T")
_TYPE_FUNCTIONS = {"as", "is", "ofType"}
_OPERATORS = {"and", "or", "is", "as", "in", "contains", "xor", "implies", "div", "mod"}


def parse(text: str) -> Expression:
    """The tree of `text`; raises `FhirPathError`, and takes time linear in the length."""
    parser = _Parser(tokens(text))
    expression = parser.disjunction()
    if parser.token.kind != "end":
        raise parser.unexpected("an operator or the end")
    return expression


class _Parser:
    def __init__(self, all_tokens: list[Token]) -> None:
        self._tokens = all_tokens
        self._next = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._next]

    def disjunction(self) -> Expression:
        return self._logic("or", self._conjunction)

    def _conjunction(self) -> Expression:
        return self._logic("and", self._comparison)

    def _logic(self, operator: str, operand: Callable[[], Expression]) -> Expression:
        operands = [operand()]
        while self._took("name", operator):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else Logic(operator, tuple(operands))

    def _comparison(self) -> Expression:
        left = self._union()
        for operator in ("=", "!="):
            if self._took("symbol", operator):
                return Comparison(operator, left, self._union())
        return left

    def _union(self) -> Expression:
        operands = [self._typed()]
        while self._took("symbol", "|"):
            operands.append(self._typed())
        return operands[0] if len(operands) == 1 else Union(tuple(operands))

    def _typed(self) -> Expression:
        """A path, perhaps with `is T` or `as T` behind it: written as the last step of the path."""
        operand, position = self._path(), self.token.position
        for operator in ("is", "as"):
            if self._took("name", operator):
                step = TypeStep(operator, self._type_name(), position)
                return _with_steps(operand, [step])
        return operand

    def _path(self) -> Expression:
        start, steps = self._start()
        while True:
            position = self.token.position
            if self._took("symbol", "."):
                steps.append(self._named_step())
            elif self._took("symbol", "["):
                steps.append(Item(self._index(), position))
                self._take("symbol", "]")
            else:
                break
        return _with_steps(start, steps) if steps or start is None else start

    def _start(self) -> tuple[Expression | None, list[Step]]:
        token = self.token
        if self._took("symbol", "("):
            inner = self._nested(self.disjunction)
            self._take("symbol", ")")
            return inner, []
        if self._took("symbol", "$this"):
            return None, []
        if token.kind in ("string", "number", "boolean"):
            return self._literal(), []
        return None, [self._named_step()]

    def _literal(self) -> Literal:
        token = self._advance()
        if token.kind == "string":
            return Literal(token.text)
        if token.kind == "number":
            return Literal(Decimal(token.text) if "." in token.text else int(token.text))
        return Literal(token.text == "true")

    def _named_step(self) -> Step:
        token = self.token
        if token.kind not in ("name", "quoted"):
            raise self.unexpected("a name")
        self._advance()
        if not self._took("symbol", "("):
            return Field(token.text, token.position)
        step = self._nested(lambda: self._function(token))
        self._take("symbol", ")")
        return step

    def _function(self, name: Token) -> Step:
        if name.text in _TYPE_FUNCTIONS:
            return TypeStep(name.text, self._type_name(), name.position)
        if name.text not in ARGUMENTS:
            sentence = f"{name.text[:60]}() is not one of the functions read here"
            raise FhirPathError("unsupported-function", name.position, sentence)
        arguments = self._arguments()
        fewest, most = ARGUMENTS[name.text]
        if not fewest <= len(arguments) <= most:
            sentence = f"{name.text}() takes {fewest if fewest == most else '0 or 1'} arguments"
            raise FhirPathError("wrong-arguments", name.position, sentence)
        return Call(name.text, arguments, name.position)

    def _arguments(self) -> tuple[Expression, ...]:
        if self.token.text == ")" and self.token.kind == "symbol":
            return ()
        arguments = [self.disjunction()]
        while self._took("symbol", ","):
            arguments.append(self.disjunction())
        return tuple(arguments)

    def _type_name(self) -> str:
        """A type, `FHIR.Patient` or `Patient`; `System.String` keeps its namespace."""
        name = self._identifier()
        if not self._took("symbol", "."):
            return name
        member = self._identifier()
        return member if name == "FHIR" else f"{name}.{member}"

    def _identifier(self) -> str:
        if self.token.kind not in ("name", "quoted"):
            raise self.unexpected("the name of a type")
        return self._advance().text

    def _index(self) -> int:
        if self.token.kind != "number" or "." in self.token.text:
            raise self.unexpected("a whole number")
        return int(self._advance().text)

    def _nested(self, read: Callable[[], _T]) -> _T:
        if self._depth == DEPTH_MAX:
            sentence = f"at most {DEPTH_MAX} parentheses go inside one another"
            raise FhirPathError("too-deep", self.token.position, sentence)
        self._depth += 1
        inner = read()
        self._depth -= 1
        return inner

    def _took(self, kind: str, text: str) -> bool:
        if self.token.kind == kind and self.token.text == text:
            self._next += 1
            return True
        return False

    def _take(self, kind: str, text: str) -> None:
        if not self._took(kind, text):
            raise self.unexpected(f"'{text}'")

    def _advance(self) -> Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def unexpected(self, wanted: str) -> FhirPathError:
        token = self.token
        if token.kind == "name" and token.text in _OPERATORS:
            sentence = f"the operator '{token.text}' is not read here; {wanted} was expected"
        else:
            sentence = f"{wanted} was expected, not {token.text[:60]!r}"
        return FhirPathError("unexpected-token", token.position, sentence)


def _with_steps(start: Expression | None, steps: list[Step]) -> Path:
    """`(a.b).c` is `a.b.c`: one flat path."""
    if isinstance(start, Path):
        return Path(start.start, (*start.steps, *steps))
    return Path(start, tuple(steps))
