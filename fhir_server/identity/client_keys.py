"""Keys of clients that publish them at a URL: fetched, kept for as long as the answer allows, and no longer.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
"""

import asyncio
import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from integrations.guarded.outbound import Fetched, Outbound
from integrations.guarded.refusal import Unreachable

UNSAID_SECONDS: Final = 60.0
"""How long keys are kept where the answer does not say (seconds)."""

SECONDS_MAX: Final = 3_600.0
"""How long keys are kept at most, whatever the answer says (seconds)."""

AGAIN_SECONDS: Final = 3.0
"""Time between two fetches that strangers can cause by an unknown kid, or by a URL that does not answer (seconds)."""

URLS_MAX: Final = 1_000
"""Key sets that are kept (sets)."""

_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})")


@dataclass(slots=True)
class _Kept:
    keys: Mapping[str, Any] | None = None
    fresh_until: float = 0.0
    fetched: float = float("-inf")
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class ClientKeys:
    """One process's; belongs to its event loop."""

    def __init__(self, outbound: Outbound, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._outbound = outbound
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def at(self, url: str, kid: str | None) -> Mapping[str, Any] | None:
        """The JWKS at a URL; None where there is none. Looks again for a kid it does not know."""
        kept = self._kept.setdefault(url, _Kept())
        self._kept.move_to_end(url)
        if len(self._kept) > URLS_MAX:
            self._kept.popitem(last=False)
        async with kept.turn:
            now = self._monotonic()
            answered = kept.keys is not None
            if answered and now < kept.fresh_until and (_has(kept.keys, kid) or now < kept.fetched + AGAIN_SECONDS):
                return kept.keys
            if not answered and now < kept.fetched + AGAIN_SECONDS:
                return None
            await self._fetch(url, kept)
            return kept.keys

    async def _fetch(self, url: str, kept: _Kept) -> None:
        kept.keys, kept.fetched = None, self._monotonic()
        try:
            fetched = await self._outbound.get(url)
            keys = json.loads(fetched.body)
        except (Unreachable, ValueError, RecursionError):
            return
        kept.keys = keys if isinstance(keys, dict) else None
        kept.fresh_until = kept.fetched + lifetime(fetched)


def lifetime(fetched: Fetched) -> float:
    """How long an answer may be kept (seconds). https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2."""
    control = fetched.headers.get("cache-control", "").lower()
    if "no-store" in control or "no-cache" in control:
        return 0.0
    found = _MAX_AGE.search(control)
    if found is None:
        return UNSAID_SECONDS
    age = fetched.headers.get("age", "0")
    return min(max(float(found[1]) - (float(age) if age.isdecimal() else 0.0), 0.0), SECONDS_MAX)


def _has(keys: Mapping[str, Any] | None, kid: str | None) -> bool:
    found = keys.get("keys") if keys else None
    return isinstance(found, list) and any(isinstance(key, dict) and key.get("kid") == kid for key in found)
