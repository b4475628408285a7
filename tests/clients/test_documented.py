"""docs/authorization/clients-tried.md names what is tried."""

import json
import re

from tests.clients.installation import HERE

PAGE = HERE.parents[1] / "docs" / "authorization" / "clients-tried.md"


def test_the_page_names_every_client_with_its_version():
    of_python = [line.split("==") for line in (HERE / "requirements.txt").read_text().split()]
    of_node = json.loads((HERE / "package.json").read_text())["dependencies"].items()
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    for name, version in [*of_python, *of_node]:
        assert any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", row) and f"| {version} |" in row for row in rows), name


def test_the_lock_names_no_place_to_download_from():
    assert '"resolved"' not in (HERE / "package-lock.json").read_text()
