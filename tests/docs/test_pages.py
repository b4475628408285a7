"""The documentation names what there is, and its commands run."""

import argparse
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from fhir_server.cli.main import parser as command_line
from fhir_server.outcome import RESPONSES
from fhir_server.rest.route import OPERATION
from fhir_server.rest.routes import ROUTES
from tests.conftest import Cluster
from tests.running.galenic import Galenic, running
from tests.running.oauth import backend_token

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
BLOCKS = [(page, block) for page in PAGES for block in BLOCK.findall(page.read_text())]


INTERACTIONS = {r.interaction.partition("-")[0] for r in ROUTES if r.interaction != OPERATION} | {"batch"}
OPERATIONS = {r.template.rpartition("$")[2] for r in ROUTES if r.interaction == OPERATION}


@pytest.mark.parametrize("interaction", sorted(INTERACTIONS))
def test_every_interaction_has_a_page_that_says_what_is_not_supported(interaction: str) -> None:
    page = DOCS / "interactions" / f"{interaction}.md"
    assert "Not supported" in page.read_text()


def test_there_is_no_page_of_an_interaction_that_is_not() -> None:
    assert {page.stem for page in (DOCS / "interactions").glob("*.md")} == INTERACTIONS


def test_every_operation_has_a_page_that_says_what_is_not_supported() -> None:
    pages = {page.stem: page.read_text() for page in (DOCS / "operations").glob("*.md")}
    assert set(pages) == OPERATIONS
    assert [name for name, text in pages.items() if "Not supported" not in text] == []


def test_every_status_of_an_error_is_documented() -> None:
    text = (DOCS / "errors.md").read_text()
    assert [status for status, _ in RESPONSES.values() if str(status) not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


@pytest.fixture(scope="module")
def demo(cluster: Cluster) -> Iterator[Galenic]:
    cluster.execute("CREATE DATABASE docs_demo TEMPLATE galenic")
    with running(cluster.database("docs_demo").app_url, auth="on", backend_token_seconds="300") as galenic:
        bundle = files("fhir_server").joinpath("demo/pharmacy.json").read_bytes()
        headers = {"Content-Type": "application/fhir+json", "Authorization": f"Bearer {backend_token(galenic)}"}
        assert httpx.post(galenic.base_url, content=bundle, headers=headers, timeout=30).status_code == 200
        yield galenic
    cluster.execute("DROP DATABASE docs_demo WITH (FORCE)")


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[f"{p.stem}-{n}" for n, (p, _) in enumerate(BLOCKS)])
def test_the_commands_of_a_page_run(demo: Galenic, page: Path, block: str, tmp_path: Path) -> None:
    """With the token where docs/README.md says to put it."""
    token = backend_token(demo)
    tmp_path.joinpath(".curlrc").write_text(f'header = "Authorization: Bearer {token}"\n' if page != README else "")
    assert shutil.which("curl"), "the examples are curl commands: install curl"
    script = block.replace("http://127.0.0.1:8080", demo.root_url).replace("curl -s ", "curl -sf ")
    environment = {"PATH": os.environ["PATH"], "no_proxy": "127.0.0.1", "CURL_HOME": str(tmp_path), "TOKEN": token}
    done = subprocess.run(["bash", "-ec", script], capture_output=True, check=False, timeout=30, env=environment)
    assert done.returncode == 0, done.stdout.decode()[:500]
    assert done.stdout.strip().startswith(b"{")


def test_every_verb_of_the_command_line_is_documented() -> None:
    subcommands = next(a for a in command_line()._actions if isinstance(a, argparse._SubParsersAction))
    text = (DOCS / "cli.md").read_text()
    assert [verb for verb in subcommands.choices if f"galenic {verb}" not in text] == []
    assert {"serve", "load", "db", "doctor"} <= set(subcommands.choices)
