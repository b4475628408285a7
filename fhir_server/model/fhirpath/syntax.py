"""The tree of a FHIRPath expression.

A path is flat (a start and its steps), so that a long one costs no depth.
`x as T` and `x.as(T)` are the same step.
"""

from dataclasses import dataclass
from decimal import Decimal


class FhirPathError(Exception):
    """An expression not read here: a `name` for programs, a `position` (characters, from 0), a `sentence`."""

    def __init__(self, name: str, position: int, sentence: str) -> None:
        super().__init__(f"{name} at character {position}: {sentence}")
        self.name = name
        self.position = position
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Field:
    """`.name`; as the first step of a path it may be the type of the resource, as in `Patient.name`."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Item:
    """`[index]`, from 0."""

    index: int
    position: int


@dataclass(frozen=True, slots=True)
class TypeStep:
    """`as T`, `is T`, `.as(T)`, `.is(T)`, `.ofType(T)`: `operator` is as, is or ofType; `FHIR.T` is `T`."""

    operator: str
    type_name: str
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """`.function(arguments)`."""

    function: str
    arguments: "tuple[Expression, ...]"
    position: int


Step = Field | Item | TypeStep | Call


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from `start`, or from the focus when that is None."""

    start: "Expression | None"
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | bool | int | Decimal


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left = right` or `left != right`."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Logic:
    """Operands joined by `and`, or by `or`."""

    operator: str
    operands: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Union:
    """The alternatives between `|`."""

    operands: "tuple[Expression, ...]"


Expression = Path | Literal | Comparison | Logic | Union
