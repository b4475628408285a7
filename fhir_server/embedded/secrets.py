"""The passwords and keys of one data folder, made at its first start and kept in `secrets.json` (0600)."""

import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from fhir_server.embedded.place import EmbeddedError

KEY_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """`*_key` are 32 bytes in hex; the rest are passwords."""

    postgres: str
    galenic_owner: str
    galenic_app: str
    valkey: str
    index_key: str
    cursor_key: str


def secrets_of(data_dir: Path) -> Secrets:
    """Reads the data folder's secrets; makes them when there are none."""
    path = data_dir / "secrets.json"
    if not path.exists():
        _write_once(path, _fresh())
    try:
        stored = json.loads(path.read_text())
        return Secrets(**{field.name: stored[field.name] for field in fields(Secrets)})
    except (OSError, ValueError, KeyError) as error:
        raise EmbeddedError(
            f"{path} cannot be read ({error!r}); restore it from a backup of the data folder"
        ) from error


def _fresh() -> Secrets:
    made = {field.name: secrets.token_hex(KEY_BYTES) for field in fields(Secrets)}
    return Secrets(**made)


def _write_once(path: Path, made: Secrets) -> None:
    """Durable before first use, and the first of two writers wins: lost keys would be lost data."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".secrets-")
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(made), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            return
        _sync_folder(path.parent)
    finally:
        Path(name).unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
