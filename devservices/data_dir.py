"""Where the embedded services keep their data, and the settings by which the site reaches them.

One data directory per checkout, so two checkouts side by side never share anything.
"""

import hashlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from devservices import CannotStart
from devservices.account import PLACE, ServiceAccount

CHECKOUT = Path(__file__).resolve().parents[1]
DATABASE = "plumbline"
SUPERUSER = "postgres"

# A socket's address has room for 104 bytes on macOS and 108 on Linux; PostgreSQL adds "/.s.PGSQL.5432".
LONGEST_SOCKET_FOLDER = 100 - len("/.s.PGSQL.5432")
# Characters that need no quoting in any of the URLs below.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


@dataclass(frozen=True)
class DataDir:
    """The folders and files of one data directory. Nothing is created by asking."""

    root: Path

    @property
    def sockets(self) -> Path:
        """The folder of the unix sockets: inside the directory, or a short private one where the path is too long."""
        inside = self.root / "sockets"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER and PLAIN_PATH.fullmatch(str(inside)):
            return inside
        return runtime_folder() / fingerprint(self.root)

    @property
    def keys(self) -> Path:
        """Secrets made at the first start. Losing this file loses every sealed value in the database."""
        return self.root / "keys.env"

    @property
    def ports(self) -> Path:
        """The ports that were free when first chosen, and are kept while they stay free."""
        return self.root / "ports.env"

    @property
    def site_environment(self) -> Path:
        """The settings by which the site reaches the services; ``config/environment.py`` looks for it here."""
        return self.root / "site.env"

    @property
    def lock(self) -> Path:
        """Held while the services run; its text says by whom."""
        return self.root / "lock"

    def log(self, service: str) -> Path:
        """The file into which a service writes what it has to say."""
        return self.root / f"{service}.log"


def fingerprint(path: Path) -> str:
    """Return a short name that is different for every path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def locate(checkout: Path = CHECKOUT) -> DataDir:
    """Return this checkout's data directory: ``PLUMBLINE_HOME``, else ``.data`` in the checkout, else below /var/lib.

    PostgreSQL refuses to run as root. Root's cluster belongs to a system user, which may not be able to enter
    the checkout (think of /root), and we never open a folder that is not ours.
    """
    if chosen := os.environ.get("PLUMBLINE_HOME"):
        return DataDir(Path(chosen).expanduser().resolve())
    if os.geteuid() == 0:
        return DataDir(PLACE / fingerprint(checkout))
    return DataDir(checkout / ".data")


def runtime_folder() -> Path:
    """Return a short folder for sockets and port marks that is this user's alone."""
    if (place := os.environ.get("XDG_RUNTIME_DIR")) and os.access(place, os.W_OK):
        return Path(place) / "plumbline"
    return Path(tempfile.gettempdir()) / f"plumbline-{os.geteuid()}"


def make_private(folder: Path, mode: int = 0o700) -> Path:
    """Create a folder that is ours alone, and return it. Parents that exist are left as they are.

    Raises CannotStart where someone else owns the name, or the file system does not keep permissions.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise CannotStart(f"{folder} belongs to somebody else. Remove it, or set PLUMBLINE_HOME to another folder.")
    folder.chmod(mode)
    if stat.S_IMODE(folder.lstat().st_mode) != mode:
        raise CannotStart(
            f"The file system of {folder} cannot keep files private. Set PLUMBLINE_HOME to a folder on one that can."
        )
    return folder


def prepare(data_dir: DataDir, account: ServiceAccount | None) -> DataDir:
    """Create the folders of a data directory, and return it. An account other than ours may pass through alone."""
    mode = 0o711 if account else 0o700
    make_private(data_dir.root, mode)
    make_private(data_dir.sockets.parent, mode)
    if account:
        account.own(data_dir.sockets)
    else:
        make_private(data_dir.sockets)
    return data_dir


def addresses(sockets: Path, keys: dict[str, str], ports: dict[str, str]) -> dict[str, str]:
    """Return the settings for services that listen in one folder, with these keys and ports."""
    return {
        "DATABASE_URL": database_url(sockets, "app_rw", keys["RW_PASSWORD"]),
        "DATABASE_OWNER_URL": database_url(sockets, "app_owner", keys["OWNER_PASSWORD"]),
        "DATABASE_OPS_URL": database_url(sockets, "app_ops", keys["OPS_PASSWORD"]),
        "DATABASE_VIEWER_URL": database_url(sockets, "app_viewer", keys["VIEWER_PASSWORD"]),
        "DATABASE_ADMIN_URL": database_url(sockets, SUPERUSER, keys["ADMIN_PASSWORD"], "postgres"),
        "REDIS_URL": f"unix://{quote(str(sockets / 'redis.sock'))}",
        "EMAIL_URL": f"smtp://127.0.0.1:{ports['SANDBOX_SMTP_PORT']}",
        "PLAID_URL": f"http://127.0.0.1:{ports['SANDBOX_PORT']}",
        "PLAID_CLIENT_ID": keys["PLAID_CLIENT_ID"],
        "PLAID_SECRET": keys["PLAID_SECRET"],
        "SECRET_KEY": keys["SECRET_KEY"],
        "FIELD_KEYS": keys["FIELD_KEYS"],
    }


def database_url(sockets: Path, role: str, password: str, database: str = DATABASE) -> str:
    """Return the URL of one role in the cluster that listens in `sockets`."""
    login = f"{role}:{quote(password, safe='')}" if password else role
    return f"postgres://{login}@/{database}?host={quote(str(sockets))}"
