"""Where the embedded servers live, and the system user they run as.

PostgreSQL refuses to run as root. Started by root, the servers run as a user of their own, who must be able
to reach their folders and binaries; started by anybody else, they run as that user.
"""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SYSTEM_USER = "galenic"
SOCKET_PATH_BYTES_MAX = 103  # sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the closing NUL
OUTSIDE = Path("/var/lib/galenic")
PRIVATE = 0o700
FOLDERS = ("postgres", "valkey", "run")


class EmbeddedError(Exception):
    """An embedded server cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system user the embedded servers run as."""

    uid: int
    gid: int

    def own(self, path: Path, mode: int) -> None:
        """Makes `path` belong to the account where we may (as root), with `mode`."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        path.chmod(mode)


@dataclass(frozen=True, slots=True)
class Place:
    """`home` holds the folders postgres, valkey and run: the data folder itself if `account` can reach it."""

    data_dir: Path
    home: Path
    account: Account

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def valkey(self) -> Path:
        return self.home / "valkey"

    def socket_dir(self) -> Path:
        """The private folder of the sockets; one below /tmp or the like if `home` is too long a path."""
        run = self.home / "run"
        if len(os.fsencode(run / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES_MAX:
            return run
        return self._short_socket_dir(self.home / "run" / "elsewhere")

    def _short_socket_dir(self, memo: Path) -> Path:
        if memo.is_symlink():
            remembered = memo.readlink()
            if _is_private(remembered, self.account):
                return remembered
            memo.unlink()
        folder = Path(tempfile.mkdtemp(prefix="galenic-"))
        self.account.own(folder, PRIVATE)
        memo.symlink_to(folder)
        return folder


def place_of(data_dir: Path) -> Place:
    """Makes the data folder with its sub-folders, once, and says where they are."""
    data_dir = data_dir.absolute()
    try:
        _make_data_dir(data_dir)
        account = _account(data_dir)
        place = Place(data_dir, _home(data_dir, account), account)
        for name in FOLDERS:
            _make_private(place.home / name, account)
    except OSError as error:
        raise EmbeddedError(f"The data folder {data_dir} cannot be used: {error}. Choose GALENIC_DATA_DIR") from error
    return place


def reachable(path: Path, account: Account) -> bool:
    """True if `account` may walk through every folder down to `path` (by mode bits)."""
    path = path.resolve()
    return all(_allows(folder, account, stat.S_IXOTH) for folder in (path, *path.parents))


def readable(paths: Iterable[Path], account: Account) -> bool:
    """True if `account` may reach and read all of `paths`."""
    return all(reachable(p.parent, account) and _allows(p, account, stat.S_IROTH) for p in paths)


def _allows(path: Path, account: Account, bit_of_others: int) -> bool:
    if account.uid == os.geteuid():
        return os.access(path, os.X_OK if bit_of_others == stat.S_IXOTH else os.R_OK)
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & (bit_of_others << 6))
    if status.st_gid == account.gid:
        return bool(status.st_mode & (bit_of_others << 3))
    return bool(status.st_mode & bit_of_others)


def _make_data_dir(data_dir: Path) -> None:
    if not data_dir.exists():
        data_dir.mkdir(parents=True)
        # The servers' user passes through; only what it owns below is open to it.
        data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _make_private(folder: Path, account: Account) -> None:
    if not folder.exists():
        folder.mkdir()
        account.own(folder, PRIVATE)


def _account(data_dir: Path) -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    existing = data_dir / "postgres"
    if existing.exists() and existing.stat().st_uid != 0:  # whoever ran it first stays its owner
        status = existing.stat()
        return Account(status.st_uid, status.st_gid)
    return _system_account()


def _system_account() -> Account:
    account = _find(SYSTEM_USER) or _add_system_user() or _find("nobody")
    if account is None:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and there is no user to run it as. "
            f"Add one (`useradd --system {SYSTEM_USER}`) or start Galenic as an ordinary user"
        )
    return account


def _find(name: str) -> Account | None:
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _add_system_user() -> Account | None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return None
    shell = ["--no-create-home", "--shell", "/usr/sbin/nologin"]
    # Two first starts at once: one gets the lock of the user table, the other finds the user made.
    subprocess.run(  # noqa: S603 - a fixed command with fixed arguments
        [useradd, "--system", "--user-group", *shell, SYSTEM_USER], capture_output=True, check=False
    )
    return _find(SYSTEM_USER)


def _home(data_dir: Path, account: Account) -> Path:
    """The data folder; if `account` cannot walk to it (below /root), a folder it can, linked from it."""
    link = data_dir / "home"
    if link.is_symlink():
        return link.resolve(strict=True)
    if reachable(data_dir, account):
        return data_dir.resolve()
    home = _make_outside(data_dir, account)
    for name in FOLDERS:
        (data_dir / name).symlink_to(home / name)
    link.symlink_to(home)
    return home


def _make_outside(data_dir: Path, account: Account) -> Path:
    try:
        OUTSIDE.mkdir(mode=0o711, parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="data-", dir=OUTSIDE))
        home.chmod(0o711)
    except OSError as error:
        home = OUTSIDE
        reason = f" ({error})"
    else:
        reason = ""
    if not reachable(home, account):
        raise EmbeddedError(
            f"The data folder {data_dir} lies below a folder that the PostgreSQL user cannot enter, "
            f"and {OUTSIDE} cannot take its place{reason}. Set GALENIC_DATA_DIR to a folder that every user "
            "may enter, such as /srv/galenic"
        )
    return home


def _is_private(folder: Path, account: Account) -> bool:
    """True if `folder` is still ours alone; anybody may have made another one of that name since."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and stat.S_IMODE(status.st_mode) == PRIVATE
