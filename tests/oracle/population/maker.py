"""The datatypes of invented resources. https://hl7.org/fhir/R4/datatypes.html"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from tests.oracle.dates import date_range
from tests.oracle.population import pools

T = TypeVar("T")
Json = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem/"


@dataclass(frozen=True)
class Maker:
    """`counts` says how many resources of each type there are: their ids are r1, r2 and so on."""

    rng: random.Random
    counts: dict[str, int]
    base_url: str

    def one(self, pool: Sequence[T]) -> T:
        return self.rng.choice(pool)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def maybe(self, probability: float, make: Callable[[], T]) -> T | None:
        return make() if self.chance(probability) else None

    def some(self, make: Callable[[], T], most: int = 2, least: int = 0) -> list[T]:
        return [make() for _ in range(self.rng.randint(least, most))]

    def either(self, **makers: Callable[[], Any]) -> Json:
        """One of several elements, as a choice of types is written."""
        name = self.one(list(makers))
        return {name: makers[name]()}

    def code(self, codes: str) -> str:
        return self.one(codes.split())

    def coding(self) -> Json:
        code, system = self.one(pools.CODES), self.one(pools.SYSTEMS)
        return sparse(system=system, code=code, display=self.maybe(0.5, lambda: self.one(pools.DISPLAYS)))

    def concept(self) -> Json:
        if self.chance(0.08):
            return {"text": self.one(pools.TEXTS)}
        return sparse(coding=self.some(self.coding, 2, 1), text=self.maybe(0.4, lambda: self.one(pools.TEXTS)))

    def bound(self, system: str, codes: str) -> Json:
        """A concept whose codes R4 prescribes."""
        return {"coding": [{"system": f"{HL7}{system}", "code": self.code(codes)}]}

    def identifier(self) -> Json:
        system, value = self.one(pools.IDENTIFIER_SYSTEMS), self.one(pools.IDENTIFIER_VALUES)
        return sparse(system=system, value=value, type=self.maybe(0.4, self._identifier_type))

    def _identifier_type(self) -> Json:
        system, code = self.one(pools.IDENTIFIER_TYPES)
        coding = sparse(system=system, code=code, display=self.maybe(0.5, lambda: self.one(pools.DISPLAYS)))
        return sparse(coding=[coding], text=self.maybe(0.5, lambda: self.one(pools.TEXTS)))

    def name(self) -> Json:
        return sparse(
            family=self.maybe(0.9, lambda: self.one(pools.FAMILIES)),
            given=self.some(lambda: self.one(pools.GIVENS), 2, 1),
            prefix=self.maybe(0.2, lambda: [self.one(pools.PREFIXES)]),
            suffix=self.maybe(0.1, lambda: [self.one(pools.SUFFIXES)]),
            text=self.maybe(0.1, lambda: self.one(pools.FAMILIES)),
        )

    def address(self, uses: str = "home work temp") -> Json:
        return sparse(
            use=self.maybe(0.5, lambda: self.code(uses)),
            line=self.some(lambda: self.one(pools.STREETS), 2, 1),
            city=self.maybe(0.9, lambda: self.one(pools.CITIES)),
            state=self.maybe(0.5, lambda: self.one(pools.STATES)),
            postalCode=self.maybe(0.7, lambda: self.one(pools.POSTAL_CODES)),
            country=self.maybe(0.5, lambda: self.one(pools.COUNTRIES)),
            text=self.maybe(0.1, lambda: self.one(pools.STREETS)),
        )

    def contact(self) -> Json:
        system = self.code("phone email sms")
        return {"system": system, "value": self.one(pools.EMAILS if system == "email" else pools.PHONES)}

    def day(self) -> str:
        """Of any precision."""
        return self.one(pools.DAYS)[: self.one((4, 7, 10, 10, 10))]

    def moment(self) -> str:
        """A dateTime."""
        return self.day() if self.chance(0.4) else self.instant()

    def instant(self) -> str:
        fraction = self.one(pools.FRACTIONS) if self.chance(0.3) else ""
        return self.one(pools.DAYS) + "T" + self.one(pools.TIMES) + fraction + self.one(pools.ZONES)

    def period(self) -> Json:
        """Open at either end, or with its end after its start."""
        start = self.moment()
        shape = self.rng.random()
        if shape < 0.4:
            return {"start": start} if shape < 0.2 else {"end": start}
        later = [end for end in self.some(self.moment, 8, 8) if date_range(end).low >= date_range(start).high]
        return {"start": start, "end": later[0]} if later else {"start": start}

    def timing(self) -> Json:
        if self.chance(0.15):
            return {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}
        events = self.some(self.moment, 3, 1)
        bounds = self.maybe(0.3, lambda: {"boundsPeriod": self.period()})
        return sparse(event=events if bounds is None or self.chance(0.5) else None, repeat=bounds)

    def number(self) -> Decimal:
        return Decimal(self.one(pools.NUMBERS))

    def quantity(self) -> Json:
        comparator = self.maybe(0.08, lambda: self.code("< <= > >="))
        return sparse(value=self.number(), comparator=comparator, **self._unit())

    def _unit(self) -> Json:
        if self.chance(0.7):
            known = self.one(pools.UNITS)
            return {"unit": known, "system": UCUM, "code": known}
        system, code, unit = self.one(pools.OTHER_UNITS)
        return sparse(unit=unit, system=system, code=code)

    def range(self, unit: str) -> Json:
        """In one unit; either end may be missing."""
        low, high = sorted((abs(self.number()), abs(self.number())))
        ends = {
            name: {"value": value, "unit": unit, "system": UCUM, "code": unit}
            for name, value in (("low", low), ("high", high))
        }
        if self.chance(0.3):
            del ends[self.code("low high")]
        return ends

    def age(self, units: Sequence[str] = ("d", "h")) -> Json:
        code = self.one(units)
        return {"value": abs(self.number()) + 1, "unit": code, "system": UCUM, "code": code}

    def note(self) -> Json:
        return {"text": self.one(pools.NOTES)}

    def key(self, *types: str) -> str:
        """`Type/id`; now and then of nothing."""
        type_name = self.one(types)
        return f"{type_name}/r{self.rng.randint(1, self.counts.get(type_name, 1) + 1)}"

    def reference(self, *types: str) -> Json:
        """Mostly relative; also with a version, absolute, elsewhere, or only an identifier."""
        key, shape = self.key(*types), self.rng.random()
        if shape < 0.78:
            return {"reference": key}
        if shape < 0.83:
            return {"reference": f"{key}/_history/1"}
        if shape < 0.89:
            return {"reference": f"{self.base_url}/{key}"}
        if shape < 0.93:
            return {"reference": f"http://elsewhere.example/fhir/{key}"}
        if shape < 0.98:
            return {"identifier": self.identifier(), "display": self.one(pools.GIVENS)}
        return {"display": self.one(pools.GIVENS)}

    def meta(self) -> Json:
        return sparse(
            profile=self.maybe(0.2, lambda: [self.one(pools.PROFILES)]),
            source=self.maybe(0.2, lambda: self.one(pools.URIS)),
            tag=self.some(lambda: sparse(system=self.one(pools.SYSTEMS), code=self.one(pools.TAGS)), 1),
            security=self.some(lambda: {"system": f"{HL7}v3-Confidentiality", "code": self.code("N R V")}, 1),
        )

    def narrative(self) -> Json:
        words = [self.one(pools.WORDS) for _ in range(4)]
        text = f"<p>{words[0]} <b>{words[1]}</b>, {words[2]}; {words[3]}</p>"
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'
        return {"status": "generated", "div": div}


def sparse(**elements: Any) -> Json:
    """Without what is None or empty."""
    return {name: value for name, value in elements.items() if value is not None and value not in ([], {}, "")}
