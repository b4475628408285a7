"""What a patient's resources refer to and a reader of them needs: practitioners, medications, places.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from collections.abc import Iterable, Iterator, Sequence

from fhir_server.auth.compartments import PATIENT_FREE
from fhir_server.errors import TooCostly
from fhir_server.model.walk import references
from fhir_server.rest.include import Included
from fhir_server.rest.message import Request
from fhir_server.rest.permission import visible
from fhir_server.rest.server import Server
from fhir_server.search.limits import INCLUDED_MAX, ITERATE_DEPTH_MAX
from fhir_server.search.types.reference import local_reference
from fhir_server.storage.database import Connection
from fhir_server.storage.find import load
from fhir_server.storage.read import Key, current_versions
from fhir_server.storage.version import Version


async def related(connection: Connection, server: Server, request: Request, sources: Sequence[Version]) -> Included:
    """Patient-free resources that `sources` refer to, and those refer to, each once, if the caller may see them.

    One that is in somebody's compartment, or refers to another patient, is not among them. Raises `TooCostly`.
    """
    seen = {(source.type_name, source.id) for source in sources}
    found: list[Version] = []
    newest: Iterable[Version] = sources
    for _ in range(ITERATE_DEPTH_MAX):
        keys = [key for key in _targets(server, newest) if key not in seen]
        if not keys:
            break
        if len(seen) > len(sources) + INCLUDED_MAX:
            raise TooCostly(f"The page refers to more than {INCLUDED_MAX} resources; ask for fewer with _count")
        seen.update(keys)
        met = await visible(connection, server, request, (await current_versions(connection, keys)).values())
        newest = [one for one in met if one.body and _is_free(server, request.id, one)]
        found += newest
    return Included(found)


def _targets(server: Server, sources: Iterable[Version]) -> list[Key]:
    """Each once, in the order they are met."""
    found: dict[Key, None] = {}
    for source in sources:
        for target in _references(server, source):
            type_name, _, resource_id = target.partition("/")
            if type_name in PATIENT_FREE:
                found[type_name, resource_id] = None
    return list(found)


def _is_free(server: Server, patient_id: str, version: Version) -> bool:
    patients = {target for target in _references(server, version) if target.startswith("Patient/")}
    return not version.compartments and patients <= {f"Patient/{patient_id}"}


def _references(server: Server, version: Version) -> Iterator[str]:
    """Its local references, as `Type/id`."""
    for site in references(load(version)):
        local = local_reference(site.reference, server.base_url)
        if local is not None:
            yield local
