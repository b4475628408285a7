"""JSON whose decimals keep their digits: 1.00 is not 1.0. https://hl7.org/fhir/R4/json.html#decimal"""

import json
from decimal import Decimal
from typing import Any


def load_exact(text: str | bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


def dump_exact(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{dump_exact(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump_exact, value)) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)
