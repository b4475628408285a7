"""Where the authorization server is, and how long what it issues lives."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Issuer:
    """`base_url` is the FHIR base URL without a slash at its end: the issuer, and the audience of every token."""

    base_url: str

    @property
    def origin(self) -> str:
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    def endpoint(self, name: str) -> str:
        """The absolute URL of one of the endpoints: `token`, `authorize`."""
        return f"{self.origin}/auth/{name}"

    def is_audience(self, aud: str | None) -> bool:
        """Clients write the base URL with and without a slash at its end."""
        return aud is not None and aud.removesuffix("/") == self.base_url


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Of each thing that is issued (seconds)."""

    code: int = 60
    request: int = 600
    launch: int = 300
    access: int = 3_600
    backend_access: int = 300
    online_refresh: int = 24 * 3_600
    offline_refresh: int = 90 * 24 * 3_600
    break_glass: int = 900
