"""NCPDP's schemas of SCRIPT, where an installation has them: what we write is judged by them before it leaves.

They are for members of NCPDP, so none is part of Galenic: GALENIC_SCRIPT_XSD_DIR says where they are.
https://www.ncpdp.org/Access-to-Standards.aspx
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

from lxml import etree

from fhir_server.errors import GalenicError
from mappers.script.faults import ScriptFault

LOG = logging.getLogger(__name__)

ROOT: Final = "/xs:schema/xs:element[@name='Message']"
NAMESPACES: Final = {"xs": "http://www.w3.org/2001/XMLSchema"}


def schemas_in(folder: Path | None) -> "Schemas | None":
    """Those of the setting; None where the installation has none."""
    return Schemas(folder) if folder else None


class SchemasUnusable(GalenicError):
    """What is in the folder cannot be used; says which file."""


@dataclass
class Schemas:
    """A folder for each version (`2023011`), with the file that declares Message and those it includes."""

    folder: Path
    _known: dict[str, etree.XMLSchema] = field(default_factory=dict)

    def faults(self, raw: bytes, version: str) -> list[ScriptFault]:
        """What the schema of the version says against a message we wrote; raises `SchemasUnusable`.

        Values are not repeated: they may be a patient's.
        """
        schema = self._of(version)
        if schema.validate(etree.fromstring(raw, _parser())):
            return []
        entries: Iterable[Any] = cast("Any", schema.error_log)
        return [ScriptFault(_kind(entry.type_name), _place(entry.path)) for entry in entries]

    def report(self, raw: bytes, version: str, about: UUID) -> None:
        """Says in the log what is wrong with an answer of ours: whoever asked needs one all the same."""
        try:
            found: Sequence[object] = self.faults(raw, version)
        except SchemasUnusable as error:
            found = [error.message]
        for fault in found:
            LOG.error("the answer to message %s: %s", about, fault)

    def check(self) -> None:
        """Raises `SchemasUnusable` where any of them is not whole."""
        versions = [one.name for one in sorted(self.folder.glob("*")) if one.is_dir()]
        if not versions:
            raise SchemasUnusable(f"{self.folder} has no folder of a version such as 2023011")
        for version in versions:
            self._of(version)

    def _of(self, version: str) -> etree.XMLSchema:
        if version not in self._known:
            self._known[version] = _read(self.folder / version)
        return self._known[version]


def _read(folder: Path) -> etree.XMLSchema:
    roots = list(_roots(folder))
    if len(roots) != 1:
        raise SchemasUnusable(f"{folder} has {len(roots)} schemas that declare Message; one is needed")
    try:
        return etree.XMLSchema(etree.parse(roots[0], _parser()))
    except (etree.XMLSchemaParseError, etree.XMLSyntaxError) as error:
        raise SchemasUnusable(f"{roots[0]} is no schema that can be used: {error}") from error


def _roots(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.glob("*.xsd")):
        try:
            if etree.parse(file, _parser()).xpath(ROOT, namespaces=NAMESPACES):
                yield file
        except etree.XMLSyntaxError as error:
            raise SchemasUnusable(f"{file} is no XML: {error}") from error


def _parser() -> etree.XMLParser:
    """Includes are files beside it; nothing is fetched."""
    return etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)


def _kind(name: str) -> str:
    """`SCHEMAV_ELEMENT_CONTENT`, in words."""
    words = name.removeprefix("SCHEMAV_").replace("_", " ").lower()
    return f"the schema does not allow this ({words})"


def _place(path: str | None) -> str:
    """`/Message/Body/NewRx`, as places are written."""
    return (path or "Message").strip("/").removeprefix("Message/")
