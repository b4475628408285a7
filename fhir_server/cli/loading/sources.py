"""Files to chunks of bytes, as they stream: JSON and NDJSON, compressed, and tar of them; nothing goes to disk."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

LINES_MAX: Final = 500
"""Lines of one chunk at most (lines)."""

CHUNK_BYTES: Final = 4 * 2**20
"""A chunk that has this much takes no further line (bytes)."""

DECODERS: Final[dict[str, Callable[[Any], Any]]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
SHORT_FORMS: Final = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz"}
DOCUMENTS: Final = (".json", ".ndjson")
DAMAGE: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError)


class Unreadable(Exception):
    """A file that is missing, of no known kind or damaged; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of an NDJSON file, or the one document of a JSON file (`first_line` is None).

    A body is None where it is longer than allowed. `position` is how much of the file on disk was read (bytes).
    """

    name: str
    bodies: tuple[bytes | None, ...]
    position: int
    first_line: int | None = None

    def place(self, number: int) -> str:
        """Where body `number` stands: file, or file:line."""
        return self.name if self.first_line is None else f"{self.name}:{self.first_line + number}"


@dataclass(frozen=True, slots=True)
class Source:
    """An open file or tar member; `position` tells how far the file on disk was read."""

    name: str
    stream: IO[bytes]
    position: Callable[[], int]


def check(path: Path) -> None:
    """Raises `Unreadable` for what cannot be opened, before anything is loaded."""
    if _kind(path.name) is None:
        raise Unreadable(f"{path}: the name of a file ends in .json, .ndjson or .tar, then .gz, .bz2, .xz or nothing")
    with _readable(str(path)), path.open("rb"):
        pass


def chunks(path: Path, bytes_max: int) -> Iterator[Chunk]:
    """The file's chunks in its order; `bytes_max` is the longest line or document."""
    with _readable(str(path)), path.open("rb") as raw, _decoded(path.name, raw) as stream:
        source = Source(str(path), stream, raw.tell)
        if _kind(path.name) == ".tar":
            yield from _members(source, bytes_max)
        else:
            yield from _chunks(source, path.name, bytes_max)


def _members(archive: Source, bytes_max: int) -> Iterator[Chunk]:
    """Members that are no JSON (a README, a folder, an inner tar) are passed over."""
    with tarfile.open(fileobj=archive.stream, mode="r|") as tar:
        for member in tar:
            name = PurePosixPath(member.name).name
            content = tar.extractfile(member) if _kind(name) in DOCUMENTS and name[0] != "." else None
            if content is not None:
                with _decoded(name, content) as stream:
                    source = Source(f"{archive.name}/{member.name.removeprefix('./')}", stream, archive.position)
                    yield from _chunks(source, name, bytes_max)


def _chunks(source: Source, file_name: str, bytes_max: int) -> Iterator[Chunk]:
    if _kind(file_name) == ".ndjson":
        yield from _lines(source, bytes_max)
        return
    body = source.stream.read(bytes_max + 1)
    yield Chunk(source.name, (_within(body, bytes_max),), source.position())


def _lines(source: Source, bytes_max: int) -> Iterator[Chunk]:
    first, size = 1, 0
    bodies: list[bytes | None] = []
    try:
        for line in _limited_lines(source.stream, bytes_max):
            bodies.append(line)
            size += len(line or b"")
            if len(bodies) == LINES_MAX or size >= CHUNK_BYTES:
                yield Chunk(source.name, tuple(bodies), source.position(), first)
                first, size, bodies = first + len(bodies), 0, []
    except DAMAGE:
        yield Chunk(source.name, tuple(bodies), source.position(), first)  # what stood before the damage
        raise
    yield Chunk(source.name, tuple(bodies), source.position(), first)


def _limited_lines(stream: IO[bytes], bytes_max: int) -> Iterator[bytes | None]:
    while line := stream.readline(bytes_max + 1):
        body = _within(line, bytes_max)
        while not line.endswith(b"\n") and (line := stream.readline(bytes_max + 1)):
            body = None  # the rest of a line that is too long is passed over
        yield body


def _within(body: bytes, bytes_max: int) -> bytes | None:
    return body if len(body) <= bytes_max else None


def _kind(name: str) -> str | None:
    """`.json`, `.ndjson` or `.tar`, whatever the compression; None for another file."""
    suffixes = _suffixes(name)
    if suffixes and suffixes[-1] in DECODERS:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in (*DOCUMENTS, ".tar") else None


def _suffixes(name: str) -> list[str]:
    lower = name.lower()
    for short, long in SHORT_FORMS.items():
        lower = lower.removesuffix(short) + long if lower.endswith(short) else lower
    return PurePosixPath(lower).suffixes


@contextmanager
def _decoded(name: str, raw: IO[bytes]) -> Iterator[IO[bytes]]:
    decoder = DECODERS.get(_suffixes(name)[-1])
    if decoder is None:
        yield raw
        return
    with decoder(raw) as stream:
        yield stream


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise Unreadable(f"{name}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
