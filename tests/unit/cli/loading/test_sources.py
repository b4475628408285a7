"""Files to chunks: every format and compression, in order, within bounds."""

import bz2
import gzip
import io
import lzma
import tarfile

import pytest

from fhir_server.cli.loading import sources
from fhir_server.cli.loading.sources import Unreadable, check, chunks

LINES = b'{"n": 1}\n{"n": 2}\n{"n": 3}'
COMPRESS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
BYTES_MAX = 1_000


def tar_of(**members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def read(path, bytes_max=BYTES_MAX):
    return [(chunk.place(n), body) for chunk in chunks(path, bytes_max) for n, body in enumerate(chunk.bodies)]


@pytest.fixture
def file(tmp_path):
    def make(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return make


@pytest.mark.parametrize("compression", COMPRESS)
def test_lines_of_ndjson_come_with_their_numbers(file, compression):
    path = file(f"a.ndjson{compression}", COMPRESS[compression](LINES))
    expected = list(zip([f"{path}:1", f"{path}:2", f"{path}:3"], LINES.splitlines(keepends=True), strict=True))
    assert read(path) == expected


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_json_file_is_one_document(file, compression):
    path = file(f"a.json{compression}", COMPRESS[compression](LINES))
    assert read(path) == [(str(path), LINES)]


@pytest.mark.parametrize(
    ("ending", "compression"),
    [
        (".tar", ""),
        (".tar.gz", ".gz"),
        (".tgz", ".gz"),
        (".tar.bz2", ".bz2"),
        (".tbz2", ".bz2"),
        (".TAR.XZ", ".xz"),
    ],
)
def test_members_of_a_tar_come_in_its_order_and_others_are_passed_over(file, ending, compression):
    content = tar_of(
        **{
            "./z.json": b"{}",
            "README": b"no",
            "deep/a.ndjson": LINES,
            "deep/._a.ndjson": b"no",
            "c.json.xz": lzma.compress(b"[]"),
            "inner.tar": tar_of(**{"x.json": b"no"}),
        }
    )
    path = file("all" + ending, COMPRESS[compression](content))
    assert [place for place, _ in read(path)] == [
        f"{path}/z.json",
        *(f"{path}/deep/a.ndjson:{n}" for n in (1, 2, 3)),
        f"{path}/c.json.xz",
    ]
    assert read(path)[-1][1] == b"[]"


def test_many_lines_come_in_chunks_that_know_where_they_stand(file, monkeypatch):
    monkeypatch.setattr(sources, "LINES_MAX", 2)
    path = file("a.ndjson", LINES)
    assert [chunk.first_line for chunk in chunks(path, BYTES_MAX)] == [1, 3]
    assert [place for place, _ in read(path)] == [f"{path}:{n}" for n in (1, 2, 3)]


def test_few_long_lines_fill_a_chunk(file, monkeypatch):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 10)
    assert [len(chunk.bodies) for chunk in chunks(file("a.ndjson", LINES), BYTES_MAX)] == [2, 1]


def test_a_line_past_the_limit_has_no_body_and_the_next_one_is_whole(file):
    path = file("a.ndjson", b"short\n" + b"x" * 5_000 + b"\nnext\n" + b"y" * 2_000)
    assert [body for _, body in read(path)] == [b"short\n", None, b"next\n", None]


def test_a_line_of_just_the_limit_is_whole(file):
    path = file("a.ndjson", b"x" * (BYTES_MAX - 1) + b"\nnext")
    assert [len(body) for _, body in read(path)] == [BYTES_MAX, 4]


def test_a_document_past_the_limit_has_no_body(file):
    assert read(file("a.json.gz", gzip.compress(b" " * (BYTES_MAX + 1))))[0][1] is None


def test_the_position_follows_the_file_on_disk(file):
    path = file("a.ndjson.gz", gzip.compress(LINES))
    assert [chunk.position for chunk in chunks(path, BYTES_MAX)][-1] == path.stat().st_size


@pytest.mark.parametrize("name", ["a.txt", "a", "a.json.zip", "json", ".gz", "a.gz"])
def test_a_file_of_another_kind_is_unreadable(file, name):
    with pytest.raises(Unreadable, match="ends in"):
        check(file(name, b"{}"))


def test_a_missing_file_is_unreadable(tmp_path):
    with pytest.raises(Unreadable, match="No such file"):
        check(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json.gz", b"no gzip"),
        ("a.json.bz2", b"no bzip2"),
        ("a.json.xz", b"no xz"),
        ("a.tar", b"no tar" * 200),
        ("a.json.gz", gzip.compress(LINES, mtime=0)[:-9]),
        ("a.json.bz2", bz2.compress(LINES)[:-9]),
        ("a.json.xz", lzma.compress(LINES)[:-9]),
        ("a.tar", tar_of(**{"a.json": b"x" * 20_000})[:9_000]),
    ],
)
def test_damage_is_a_sentence_that_names_the_file(file, name, content):
    path = file(name, content)
    with pytest.raises(Unreadable, match=name):
        read(path, 10**6)
