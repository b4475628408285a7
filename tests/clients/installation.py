"""The clients as their registries have them, unchanged; installed once, into the environment that runs the tests."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
NAMED = ("requirements.txt", "package.json", "package-lock.json")
CLIENTS = Path(sys.prefix) / "clients"
INSTALL_SECONDS_MAX = 300

# What the clients have for other platforms (React Native) would be ten times as much as they are.
NPM_CI = (
    "npm ci --omit=dev --omit=optional --omit=peer --legacy-peer-deps --ignore-scripts --no-audit --no-fund"
).split()


@dataclass(frozen=True, slots=True)
class Installation:
    """`folder` has an environment of Python and one of Node."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "python" / "bin" / "python"

    @property
    def node_folder(self) -> Path:
        """A program that runs here finds the packages: `import` looks nowhere else."""
        return self.folder / "node"


def install() -> Installation:
    """Raises OSError or `subprocess.SubprocessError` where there is no npm or no registry."""
    digest = sha256(b"".join([sys.version.encode(), *((HERE / name).read_bytes() for name in NAMED)]))
    made = Installation(CLIENTS / digest.hexdigest()[:16])
    complete = made.folder / "complete"
    CLIENTS.mkdir(exist_ok=True)
    with (CLIENTS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            for old in CLIENTS.glob("*/"):
                shutil.rmtree(old)
            with ThreadPoolExecutor() as pool:
                for done in [pool.submit(_install_python, made), pool.submit(_install_node, made)]:
                    done.result()
            complete.touch()
    return made


def _install_python(made: Installation) -> None:
    """Debian's Python without python3-venv has no pip to put into it: ours installs."""
    _run([sys.executable, "-m", "venv", "--without-pip", str(made.python.parents[1])], HERE)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(made.python)]
    _run([*pip, "install", "--quiet", "--no-compile", "--requirement", "requirements.txt"], HERE)


def _install_node(made: Installation) -> None:
    made.node_folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, made.node_folder)
    _run(NPM_CI, made.node_folder)


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS_MAX)
    if done.returncode:
        raise subprocess.SubprocessError(f"{command[0]} {command[1]}: {done.stderr[-2000:]}")
