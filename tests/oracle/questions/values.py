"""Search values that are likely to find a given value, written in all the ways R4 has."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, TypeVar

from tests.oracle.dates import date_test
from tests.oracle.definitions import Parameter
from tests.oracle.escapes import escape
from tests.oracle.extraction import Element
from tests.oracle.intervals import PREFIXES
from tests.oracle.near import KM_PER_UNIT, kilometres
from tests.oracle.quantities import CURRENCIES, UCUM
from tests.oracle.references import reference_text
from tests.oracle.store import Store
from tests.oracle.strings import folded, texts
from tests.oracle.tokens import labels, tokens
from tests.oracle.units import UNITS

T = TypeVar("T")

MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
DATE = re.compile(r"\d{4}(-\d\d){0,2}(T.*)?$")
DIGITS = Context(prec=9)
"""Converted numbers are rounded, so that nothing depends on more digits than a database has."""

SURE = 1.02
"""How far from the edge a place must lie, as a factor."""


@dataclass(frozen=True)
class Values:
    """Draws values; every method gives None where it knows none."""

    rng: random.Random
    store: Store

    def one(self, pool: Sequence[T]) -> T:
        return self.rng.choice(pool)

    def modifier(self, parameter: Parameter, element: Element) -> str | None:
        """One that the value can be asked with; mostly none."""
        if self.rng.random() < 0.5:
            return None
        kinds: dict[str, Callable[[], list[str]]] = {
            "string": lambda: ["exact", "contains"],
            "uri": lambda: ["below", "above"],
            "token": lambda: ["not", "text"] + (["of-type"] if element.type == "Identifier" else []),
            "reference": lambda: self._reference_modifiers(element),
        }
        return self.one(kinds.get(parameter.kind, lambda: [""])() or [""]) or None

    def _reference_modifiers(self, element: Element) -> list[str]:
        key = self.store.base.key(reference_text(element) or "")
        identified = isinstance(element.value, dict) and "identifier" in element.value
        return (["identifier"] if identified else []) + ([key[0]] if key else [])

    def value(self, parameter: Parameter, modifier: str | None, element: Element) -> str | None:
        """Escaped; without OR."""
        kinds: dict[str, Callable[[], str | None]] = {
            "string": lambda: self._string(modifier, element),
            "token": lambda: self._token(modifier, element),
            "reference": lambda: self._reference(modifier, element),
            "uri": lambda: self._uri(modifier, element),
            "date": lambda: self._date(parameter, element),
            "number": lambda: self._number(element),
            "quantity": lambda: self._quantity(element),
            "special": lambda: self._near(element),
        }
        return kinds[parameter.kind]()

    def _string(self, modifier: str | None, element: Element) -> str | None:
        text = self.one(list(texts(element)) or [""])
        if modifier == "exact":
            return escape(self.one((text, text, text.upper(), folded(text))))
        start = self.rng.randrange(len(text) or 1) if modifier == "contains" else 0
        part = text[start : start + self.rng.randint(1, 12)]
        written = self.one((part, part.upper(), part.lower(), folded(part)))
        return escape(written) if folded(written) else None

    def _token(self, modifier: str | None, element: Element) -> str | None:
        if modifier == "text":
            label = self.one(list(labels(element)) or [""])[: self.rng.randint(1, 12)]
            return escape(label) if folded(label) else None
        if modifier == "of-type":
            return self._of_type(element.value)
        found = self.one([token for token in tokens(element) if token.code] or [None])
        if found is None or found.code is None:
            return None
        code = escape(found.code)
        if element.type == "String":  # a logical id is no code: it has no other form
            return code
        if self.rng.random() < 0.15:
            return self.one((code.swapcase(), f"http://galenic.example/none|{code}", f"|{code}"))
        system = found.system and escape(found.system)
        return self.one((code, code, f"{system}|{code}", f"{system}|") if system else (code, f"|{code}"))

    def _of_type(self, identifier: Any) -> str | None:
        codings = [one for one in identifier.get("type", {}).get("coding", ()) if "system" in one]
        if not codings or "value" not in identifier:
            return None
        coding = self.one(codings)
        return "|".join(map(escape, (coding["system"], coding["code"], identifier["value"])))

    def _reference(self, modifier: str | None, element: Element) -> str | None:
        if modifier == "identifier":
            identifier = element.value.get("identifier") if isinstance(element.value, dict) else None
            return self._token(None, Element("Identifier", identifier)) if identifier else None
        text, base = reference_text(element), self.store.base
        if text is None or text.startswith("#"):
            return None
        key = base.key(text)
        if modifier is not None:
            return key[1] if key else None
        if key is None:
            return self.one((text, text.partition("|")[0]))
        plain = "/".join(key)
        return self.one((key[1], plain, plain, f"{base.url}/{plain}", f"{plain}/_history/1"))

    def _uri(self, modifier: str | None, element: Element) -> str | None:
        text: str = element.value
        segments = text.split("/")
        if modifier == "below" and len(segments) > 4:
            text = "/".join(segments[:-1]) + self.one(("", "/"))
        if modifier == "above" and "://" in text:
            text += self.one(("", "/x", "/b/c"))
        return escape(text)

    def _date(self, parameter: Parameter, element: Element) -> str | None:
        written = self.one(self.date_texts(element.value) or [""])
        prefix = self.one(("", "", "eq", *PREFIXES))
        if not DATE.match(written):
            return None
        if prefix == "ap" and not self._is_clear(parameter, prefix + written):
            return None
        return prefix + written

    def date_texts(self, value: Any) -> list[str]:
        """Of every precision that the dates in a value allow."""
        if isinstance(value, dict):
            return [text for each in value.values() for text in self.date_texts(each)]
        if isinstance(value, list):
            return [text for each in value for text in self.date_texts(each)]
        if not isinstance(value, str):
            return []
        found = MOMENT.match(value)
        if found is None:
            return [value[:length] for length in (4, 7, 10) if length <= len(value)]
        minute, second, fraction, zone = found[1], found[2], (found[3] or "")[:4], found[4]
        return [minute[:7], minute[:10], minute, minute + zone, minute + second, minute + second + fraction + zone]

    def _is_clear(self, parameter: Parameter, value: str) -> bool:
        """Whether `ap` gives the same answers however much it widens."""
        narrow, wide = (date_test(value, self.store.now, widening=percent) for percent in (0, 30))
        resources = [one for table in self.store.by_type.values() for one in table.values()]
        typed = [
            one for one in resources if self.store.definitions.find(one["resourceType"], parameter.code) == parameter
        ]
        return all(narrow(each) == wide(each) for one in typed for each in self.store.elements(one, parameter))

    def _number(self, element: Element) -> str | None:
        known = (
            [element.value] if not isinstance(element.value, dict) else [end["value"] for end in element.value.values()]
        )
        return self.one(("", "", *PREFIXES)) + self._digits(Fraction(self.one(known)))

    def _digits(self, number: Fraction) -> str:
        """The number, something near it, or less of it."""
        near = number + Fraction(self.one(("0", "0", "0", "1", "-1", "1/2", "-1/100")))
        exact = DIGITS.divide(Decimal(near.numerator), Decimal(near.denominator))
        plain = f"{exact.normalize():f}"
        return self.one((plain, plain, f"{exact:.0f}", f"{exact:.1f}", f"{exact:.2f}", f"{exact:.2e}"))

    def _quantity(self, element: Element) -> str | None:
        value = element.value
        if element.type == "Range":
            value = self.one(list(value.values()))
        if "value" not in value:
            return None
        prefix, number = self.one(("", "", *PREFIXES)), Fraction(value["value"])
        system, code = value.get("system"), value.get("code")
        if element.type == "Money":
            system, code = CURRENCIES, value["currency"]
        if system == UCUM and self.rng.random() < 0.4:
            number, code = self._converted(number, code)
        units = ["", *([f"|{system}|{code}"] * 3 if system else []), f"||{code or value.get('unit')}"]
        return prefix + self._digits(number) + self.one(units)

    def _converted(self, number: Fraction, code: str) -> tuple[Fraction, str]:
        """In another unit, where the number can then be written."""
        unit = UNITS.get(code)
        others = [other for other, one in UNITS.items() if unit and one.dimension == unit.dimension]
        if unit is None or not others:
            return number, code
        other = self.one(others)
        return number * unit.size / UNITS[other].size, other

    def _near(self, element: Element) -> str | None:
        latitude = element.value["latitude"] + Decimal(self.one(("0", "0.05", "-0.1", "0.5")))
        longitude = element.value["longitude"] + Decimal(self.one(("0", "0.05", "-0.01")))
        unit = self.one(list(KM_PER_UNIT))
        distance = self.one(("1", "12", "60", "1000", "20000")) if unit else ""
        limit = float(distance) * KM_PER_UNIT[unit] if distance else 25.0
        if (
            abs(latitude) > 90
            or abs(longitude) > 180
            or not self._is_off_the_edge(float(latitude), float(longitude), limit)
        ):
            return None
        return "|".join(part for part in (f"{latitude}", f"{longitude}", distance, unit) if part)

    def _is_off_the_edge(self, latitude: float, longitude: float, limit: float) -> bool:
        places = [one["position"] for one in self.store.of_type("Location") if "position" in one]
        away = [kilometres(latitude, longitude, float(p["latitude"]), float(p["longitude"])) for p in places]
        return not any(limit / SURE < each < limit * SURE for each in away)
