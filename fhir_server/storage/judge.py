"""Whether a caller may see a version: decided in memory by the same predicates as in SQL."""

from collections.abc import Iterable
from dataclasses import dataclass

from fhir_server.errors import Forbidden, NotFound
from fhir_server.search.entries import Entries
from fhir_server.search.indexer import Indexer
from fhir_server.search.sight import EVERYTHING, Sight
from fhir_server.storage.find import load
from fhir_server.storage.steps import Step, at
from fhir_server.storage.version import Version


def shows(sight: Sight, indexer: Indexer, version: Version) -> bool:
    """By the compartments and labels the version was stored with; by its content where a scope asks for that.

    A deletion has no content left: a scope that asks for it does not show it.
    """
    if sight.shows_all(version.type_name):
        return True
    part = sight.of(version.type_name)
    if not sight.asks_content(version.type_name):
        rights = Entries(version.type_name, version.id, version.compartments, version.labels)
        return part.matches(rights)
    return version.body is not None and part.matches(indexer.entries(load(version)))


def shown(sight: Sight, indexer: Indexer, versions: Iterable[Version]) -> list[Version]:
    """Those of the versions a caller may see, in their order."""
    return [version for version in versions if shows(sight, indexer, version)]


@dataclass(frozen=True, slots=True)
class Guard:
    """What a writer sees, and what they may create, update and delete."""

    read: Sight = EVERYTHING
    create: Sight = EVERYTHING
    update: Sight = EVERYTHING
    delete: Sight = EVERYTHING

    def before(self, indexer: Indexer, step: Step, current: Version | None) -> Version | None:
        """The current version as far as the writer may know of it; None as if there were none.

        Raises `Forbidden` where it is seen and may not be changed, `NotFound` where it is not and could not be made.
        """
        kind = step.intent.kind
        if kind == "create":
            return current
        allowed = self.delete if kind == "delete" else self.update
        if current is not None and shows(allowed, indexer, current):
            return current
        if current is not None and shows(self.read, indexer, current):
            raise Forbidden(at(step.intent, f"The token does not cover {'/'.join(step.key)}"))
        if kind == "update" and not allowed.shows_all(step.key[0]):
            raise NotFound(at(step.intent, f"There is no {'/'.join(step.key)}"))
        return None

    def after(self, indexer: Indexer, step: Step, written: Version) -> None:
        """Raises `Forbidden` where what would be written is beyond what may be created or updated."""
        allowed = self.create if step.intent.kind == "create" else self.update
        if written.body is not None and not shows(allowed, indexer, written):
            raise Forbidden(at(step.intent, f"The token does not cover such a {step.key[0]}"))


UNGUARDED = Guard()
