"""_filter expressions. https://hl7.org/fhir/R4/search_filter.html"""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.oracle.definitions import Parameter
from tests.oracle.extraction import Element
from tests.oracle.questions.values import Values
from tests.oracle.references import reference_text
from tests.oracle.store import Store
from tests.oracle.strings import folded, texts
from tests.oracle.tokens import tokens

PLAIN = re.compile(r"[a-z0-9.:/_-]+$")
"""Codes without separators, and without an upper-case twin: values of a filter are never case sensitive."""

OPERATORS = {
    "string": ("eq", "ne", "co", "sw", "ew"),
    "token": ("eq", "ne"),
    "reference": ("re",),
    "uri": ("eq", "ne"),
    "date": ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"),
    "number": ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"),
    "quantity": ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"),
}
PREFIXED = re.compile(r"(?:eq|ne|gt|lt|ge|le|sa|eb|ap)(?=[-\d])")


@dataclass(frozen=True)
class Expressions:
    rng: random.Random
    store: Store
    values: Values
    known: dict[str, dict[str, list[Element]]]

    def expression(self, type_name: str, depth: int = 2) -> str | None:
        """Mostly one connective at a level, or parentheses; without, they are read from left to right."""
        shape = self.rng.random() if depth else 0.0
        if shape < 0.5:
            return self.comparison(type_name)
        parts = [self.expression(type_name, depth - 1) for _ in range(self.rng.choice((2, 2, 3)))]
        bare = self.rng.random() < 0.1
        found = [
            part if bare or (" and " not in part and " or " not in part) else f"({part})" for part in parts if part
        ]
        if shape > 0.85:
            return f"not ({found[0]})" if found else None
        return self.rng.choice((" and ", " or ")).join(found) or None

    def comparison(self, type_name: str) -> str | None:
        code = self.rng.choice(list(self.known[type_name]))
        parameter = self.store.definitions.get(type_name, code)
        if parameter.kind not in OPERATORS:
            return None
        if self.rng.random() < 0.1:
            return f"{code} pr {self.rng.choice(('true', 'false'))}"
        operator = self.rng.choice(OPERATORS[parameter.kind])
        value = self._value(parameter, self.known[type_name][code])
        return f"{code} {operator} {value}" if value else None

    def _value(self, parameter: Parameter, elements: Sequence[Element]) -> str | None:
        element = self.rng.choice(elements)
        if parameter.kind == "string":
            text = self.rng.choice(list(texts(element)) or [""])
            return json.dumps(text, ensure_ascii=False) if folded(text) else None
        if parameter.kind == "token":
            codes = [one.code for one in tokens(element) if one.code and PLAIN.match(one.code)]
            return self.rng.choice(codes) if codes else None
        if parameter.kind == "reference":
            key = self.store.base.key(reference_text(element) or "")
            return "/".join(key) if key else None
        if parameter.kind == "uri":
            return element.value if PLAIN.match(element.value) else None
        written = self.values.value(parameter, None, element)
        return PREFIXED.sub("", written) if written else None
