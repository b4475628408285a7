"""What mappings make, as JSON: numbers are written digit by digit as the message had them."""

from typing import Any, Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def written(value: Any) -> bytes:
    """Compact JSON of resources with numbers of any kind."""
    return _ENCODER.encode(value)
