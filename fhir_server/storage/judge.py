"""Whether a caller may see a version: decided in memory by the same predicates as in SQL."""

from collections.abc import Iterable
from dataclasses import dataclass

from fhir_server.errors import Forbidden, NotFound
from fhir_server.search.entries import Entries
from fhir_server.search.indexer import Indexer
from fhir_server.search.sight import EVERYTHING, Sight
from fhir_server.storage.consents import permitted
from fhir_server.storage.database import Connection
from fhir_server.storage.find import load
from fhir_server.storage.read import Key
from fhir_server.storage.steps import Step, at, key_of
from fhir_server.storage.version import Version


def shows(sight: Sight, indexer: Indexer, version: Version) -> bool:
    """By the compartments and labels the version was stored with; by its content where a scope asks for that.

    Consents are not asked.

    A deletion has no content left: a scope that asks for it does not show it.
    """
    if sight.shows_all(version.type_name):
        return True
    part = sight.of(version.type_name)
    if not sight.asks_content(version.type_name):
        rights = Entries(version.type_name, version.id, version.compartments, version.labels)
        return part.matches(rights)
    return version.body is not None and part.matches(indexer.entries(load(version)))


async def shown(connection: Connection, sight: Sight, indexer: Indexer, versions: Iterable[Version]) -> list[Version]:
    """Those of the versions a caller may see, in their order."""
    found = [version for version in versions if shows(sight, indexer, version)]
    if sight.consented is None:
        return found
    return await permitted(connection, sight.consented, indexer.hasher, found)


@dataclass(frozen=True, slots=True)
class Guard:
    """What a writer sees, and what they may create, update and delete."""

    read: Sight = EVERYTHING
    create: Sight = EVERYTHING
    update: Sight = EVERYTHING
    delete: Sight = EVERYTHING

    async def unconcealed(self, connection: Connection, indexer: Indexer, versions: Iterable[Version]) -> set[Key]:
        """Types and ids of the versions that no Consent hides from the writer."""
        found = list(versions)
        if self.read.consented is not None:
            found = await permitted(connection, self.read.consented, indexer.hasher, found)
        return {key_of(version) for version in found}

    def before(self, indexer: Indexer, step: Step, current: Version | None, unconcealed: set[Key]) -> Version | None:
        """The current version as far as the writer may know of it; None as if there were none.

        Raises `Forbidden` where it is seen and may not be changed, `NotFound` where it is not and could not be made:
        an id that a Consent conceals is taken.
        """
        kind, concealed = step.intent.kind, current is not None and step.key not in unconcealed
        if kind == "create":
            return current
        allowed = self.delete if kind == "delete" else self.update
        if current is not None and not concealed and shows(allowed, indexer, current):
            return current
        if current is not None and not concealed and shows(self.read, indexer, current):
            raise Forbidden(at(step.intent, f"The token does not cover {'/'.join(step.key)}"))
        if kind == "update" and (concealed or step.key[0] not in allowed.open_types):
            raise NotFound(at(step.intent, f"There is no {'/'.join(step.key)}"))
        return None

    def after(self, indexer: Indexer, step: Step, before: Version | None, written: Version) -> None:
        """Raises `Forbidden` where what would be written is beyond what may be created or updated.

        It may be in no compartment it has not been in, but those of the writer's own patients.
        """
        if written.body is None:
            return
        allowed = self.create if step.intent.kind == "create" else self.update
        gained = set(written.compartments) - set(before.compartments if before else ())
        owners = allowed.owners.get(written.type_name)
        if (owners is not None and gained - owners) or not shows(allowed, indexer, written):
            raise Forbidden(at(step.intent, f"The token does not cover such a {step.key[0]}"))


UNGUARDED = Guard()
