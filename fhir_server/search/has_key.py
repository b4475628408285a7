"""The predicate of everything that is compared as one text: tokens, texts as they were written, uris, words."""

from dataclasses import dataclass

from fhir_server.search.columns import STATUS
from fhir_server.search.entries import Entries
from fhir_server.search.predicate import Scope, having_tokens, one_of, rids_in_search


@dataclass(frozen=True, slots=True)
class HasKey:
    """One of `keys` is among the values of `name`."""

    name: str
    keys: tuple[str, ...]

    def matches(self, entries: Entries) -> bool:
        return any((self.name, key) in entries.keys for key in self.keys)

    def condition(self, scope: Scope) -> str:
        if self._in_column(scope):
            return one_of(f"{scope.alias}.status", self._codes(), scope)
        return having_tokens(scope, self.tokens(scope))

    def rids(self, scope: Scope) -> str | None:
        return rids_in_search(self, scope)

    def tokens(self, scope: Scope) -> tuple[int, ...]:
        """The hashes of the keys; none where a column holds the values."""
        if self._in_column(scope):
            return ()
        return tuple(scope.hasher.token(scope.index_type(self.name), self.name, key) for key in self.keys)

    def apart(self) -> tuple["HasKey", ...]:
        """One for each code of a status, whether it was asked for in any system or in none: no row satisfies two."""
        codes = {key.lstrip("\0"): key for key in self.keys}
        return tuple(HasKey(self.name, (key,)) for key in codes.values())

    def _in_column(self, scope: Scope) -> bool:
        return STATUS.get(scope.type_name) == self.name

    def _codes(self) -> list[str]:
        """A status has no system: keys of any other form match nothing."""
        return [key.lstrip("\0") for key in self.keys if key.startswith("\0")]
