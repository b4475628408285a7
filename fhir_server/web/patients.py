"""Patients and encounters to choose from: found by the search of the API, shown by name and date of birth."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.audit.record import Record
from fhir_server.audit.recorder import Recording
from fhir_server.auth.access import Access
from fhir_server.auth.context import Context
from fhir_server.auth.grant import EVERYTHING, NOTHING, Grant, grant_of
from fhir_server.auth.roles import ROLES
from fhir_server.auth.scopes import Scope
from fhir_server.identity.people import Person
from fhir_server.search.parse import ParseOptions, parse
from fhir_server.storage.database import Database
from fhir_server.storage.find import Finder, load
from fhir_server.storage.pages import Searcher
from fhir_server.storage.read import Reader
from fhir_server.storage.sights import sight_of
from fhir_server.storage.version import Version
from fhir_server.web.speech import Speech

FOUND_MAX: Final = 20
"""Patients shown of those a search finds (patients)."""

NAME_CHARACTERS_MAX: Final = 100
"""Longest name that is searched for (characters)."""

BIRTH_DATE: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?\Z")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A choice: `id` is the resource's, `about` what tells it from others of that name."""

    id: str
    name: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a patient is searched by; `birth` is a date, a month or a year."""

    name: str
    birth: str

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """As the search of the API takes it: each word of the name begins one of the patient's."""
        words = [("name", _escaped(word)) for word in self.name[:NAME_CHARACTERS_MAX].split()]
        return [*words, *([("birthdate", self.birth)] if self.birth else []), ("_sort", "family")]


@dataclass(frozen=True, slots=True)
class Patients:
    """What is shown of a patient leaves the server: each answer is recorded before it is given."""

    database: Database
    reader: Reader
    finder: Finder
    recorder: Recording
    base_url: str

    async def search(self, context: Context, wanted: Wanted, speech: Speech) -> tuple[list[Shown], bool]:
        """FOUND_MAX of those found, and whether there are more."""
        resources = await self._found("Patient", [*wanted.pairs, ("_count", str(FOUND_MAX + 1))])
        shown = [_patient(resource, speech) for resource in resources[:FOUND_MAX]]
        query = "&".join(f"{name}={value}" for name, value in wanted.pairs)
        ids = tuple(one.id for one in shown)
        await self.recorder.record(
            Record(context, "search-type", 200, "Patient", patients=ids, query=f"Patient?{query}")
        )
        return shown, len(resources) > FOUND_MAX

    async def named(self, context: Context, ids: Sequence[str], speech: Speech) -> list[Shown]:
        """Those of the ids that are there, in their order."""
        found = [version for patient in ids if _ID.match(patient) and (version := await self._current(patient))]
        reads = [Record(context, "read", 200, "Patient", v.id, v.version, patients=(v.id,)) for v in found]
        await self.recorder.record(*reads)
        return [_patient(load(version), speech) for version in found]

    async def encounters(self, context: Context, patient: str, speech: Speech) -> list[Shown]:
        """Those of a patient the person may see, the latest first."""
        pairs = [("patient", f"Patient/{patient}"), ("_sort", "-date"), ("_count", str(FOUND_MAX))]
        resources = await self._found("Encounter", pairs, _grant(context, patient))
        what = Record(
            context, "search-type", 200, "Encounter", patients=(patient,), query=f"Encounter?patient=Patient/{patient}"
        )
        await self.recorder.record(what)
        return [_encounter(resource, speech) for resource in resources]

    async def _current(self, patient: str) -> Version | None:
        version = await self.reader.current("Patient", patient)
        return version if version is not None and version.body is not None else None

    async def _found(
        self, type_name: str, pairs: Sequence[tuple[str, str]], grant: Grant = EVERYTHING
    ) -> list[Resource]:
        await self.finder.source.refresh(self.database)
        finder = self.finder.renewed()
        registry, now = finder.indexer.registry, self.database.clock.now()
        seen = sight_of(registry, self.base_url, grant, "s")
        options = ParseOptions(self.base_url, FOUND_MAX, FOUND_MAX + 1, now, sight=seen)
        query, _ = parse(registry, type_name, pairs, options)
        async with self.database.connection() as connection:
            page = await Searcher(connection, finder).page(query, None, None)
        return [load(version) for version in page.versions]


def may_search(person: Person) -> bool:
    """Whether the role opens patients' records beyond those a person is linked to."""
    access = Access(person.fhir_user, "", person.role, (Scope("user", "Patient", "rs"),))
    return not person.has_own_patients_only and grant_of(access).allows("s", "Patient")


def _grant(context: Context, patient: str) -> Grant:
    """What the person may see of a patient's visits; somebody without a role, nothing."""
    role = next((role for role in ROLES if role == context.role), None)
    if role is None:
        return NOTHING
    scopes = (Scope("user", "Encounter", "rs"),)
    return grant_of(Access(context.actor, context.client, role, scopes, patients=(patient,), purpose=context.purpose))


def _patient(resource: Resource, speech: Speech) -> Shown:
    born = str(resource.get("birthDate") or "")
    facts = [speech.say("born", date=speech.date(born)) if born else ""]
    sex = str(resource.get("gender") or "")
    facts.append(speech.say(sex) if sex in ("female", "male", "other", "unknown") else "")
    return Shown(str(resource["id"]), _name(resource) or speech.say("nameless"), ", ".join(filter(None, facts)))


def _name(resource: Resource) -> str:
    """The official name, else the first: `Amara Fenwick`."""
    names = [name for name in resource.get("name") or () if isinstance(name, dict)]
    chosen = next((name for name in names if name.get("use") == "official"), names[0] if names else {})
    parts = [*(chosen.get("given") or ()), chosen.get("family")]
    return " ".join(str(part) for part in parts if part) or str(chosen.get("text") or "")


def _encounter(resource: Resource, speech: Speech) -> Shown:
    start = str((resource.get("period") or {}).get("start") or "")[:10]
    kinds = [_text(kind) for kind in resource.get("type") or ()]
    coded = resource.get("class") or {}
    name = ", ".join(filter(None, kinds)) or str(coded.get("display") or coded.get("code") or resource["id"])
    return Shown(str(resource["id"]), name, speech.date(start))


def _text(concept: Mapping[str, Any]) -> str:
    coded: Mapping[str, Any] = next(iter(concept.get("coding") or ()), {})
    return str(concept.get("text") or coded.get("display") or "")


def _escaped(word: str) -> str:
    r"""What separates values in a search is a letter of a name: O\,Neil. https://hl7.org/fhir/R4/search.html#escaping."""
    return re.sub(r"([\\,$|])", r"\\\1", word)
