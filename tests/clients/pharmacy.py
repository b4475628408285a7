"""What the clients run against, and how they are run: as processes of their own that say what they saw."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from fhir_server.identity.people import Person
from tests.clients.installation import Installation
from tests.running.galenic import Galenic
from tests.running.oauth import App, a_backend

PROGRAMS = Path(__file__).parent / "programs"
RUN_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Pharmacy:
    """Has the demo set; its certificate is of an authority of its own."""

    galenic: Galenic
    clients: Installation
    authority: Path

    @property
    def base_url(self) -> str:
        return self.galenic.base_url

    @property
    def environment(self) -> dict[str, str]:
        """Where each kind of client learns whose certificates to take; nothing else of ours."""
        trust = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), str(self.authority))
        return {"PATH": os.environ["PATH"], "HOME": str(self.authority.parent), "NO_PROXY": "127.0.0.1", **trust}

    def system_token(self, scopes: str = "system/*.cruds") -> str:
        backend = a_backend(self.galenic)
        answer = self.post("token", backend.form(scopes))
        return str(answer.json()["access_token"])

    def post(self, endpoint: str, form: dict[str, str], auth: tuple[str, str] | None = None) -> httpx.Response:
        """To the authorization server."""
        url = f"{self.galenic.root_url}/auth/{endpoint}"
        return httpx.post(url, data=form, auth=auth, verify=self.galenic.trust).raise_for_status()

    def system(self) -> httpx.Client:
        """A client of ours, to look with at what the others did."""
        client = self.galenic.client(verify=self.galenic.trust)
        client.headers["Authorization"] = f"Bearer {self.system_token()}"
        return client

    def resource(self, path: str) -> dict[str, Any]:
        with self.system() as client:
            return dict(client.get(path).raise_for_status().json())

    def attempt(
        self, command: Sequence[str | Path], given: str = "", folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """How a program ended; `given` is what it reads."""
        return subprocess.run(
            command, input=given, cwd=folder, env=self.environment, capture_output=True, text=True,
            check=False, timeout=RUN_SECONDS_MAX,
        )  # fmt: skip

    def run(self, command: Sequence[str | Path], given: str = "", folder: Path | None = None) -> str:
        """What a program printed that ended well."""
        done = self.attempt(command, given, folder)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return done.stdout

    def python(self, program: str, **given: Any) -> dict[str, Any]:
        """What a program of `PROGRAMS` in Python saw."""
        said = self.run([self.clients.python, PROGRAMS / program], json.dumps({"base": self.base_url, **given}))
        return dict(json.loads(said.splitlines()[-1]))

    def node(self, program: str, **given: Any) -> dict[str, Any]:
        """The same of a module for Node; what it is given is `process.argv[2]`."""
        text = (PROGRAMS / program).read_text()
        command = ["node", "--input-type=module", "-", json.dumps({"base": self.base_url, **given})]
        return dict(json.loads(self.run(command, text, self.clients.node_folder).splitlines()[-1]))

    @contextmanager
    def talking(self, program: str, **given: str) -> Iterator[subprocess.Popen[str]]:
        """A program of Python that prints a line, reads a line, and so on."""
        process = subprocess.Popen(
            [self.clients.python, PROGRAMS / program], env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        with process:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"base": self.base_url, **given}) + "\n")
            process.stdin.flush()
            yield process

    def allow(self, app: App, url: str, person: Person, patient: str | None) -> str:
        """The URL that somebody's browser is sent back to who opened `url`, logged in and allowed everything."""
        answer = httpx.get(url, verify=self.galenic.trust)
        assert answer.status_code == 303, answer.text
        request = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["request"]
        return f"{app.redirect_uri}?{urlencode(app.approve(request, person, patient=patient))}"
