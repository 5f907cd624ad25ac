"""The data directory of the embedded services, and the settings with which the site connects to them.

Each checkout has its own data directory, so that two checkouts share nothing.
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
from devservices.account import ACCOUNT_HOME, ServiceAccount

CHECKOUT = Path(__file__).resolve().parents[1]
DATABASE = "plumbline"
SUPERUSER = "postgres"

# The path of a unix socket can have 104 bytes on macOS and 108 on Linux; PostgreSQL adds "/.s.PGSQL.5432".
MOST_SOCKET_FOLDER_BYTES = 100 - len("/.s.PGSQL.5432")
# Characters that need no quoting in any of the URLs below.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


@dataclass(frozen=True)
class DataDir:
    """The paths of the folders and files of one data directory. The properties do not create them."""

    root: Path

    @property
    def sockets(self) -> Path:
        """The folder of the unix sockets: in the data directory, or a short private one if that path is too long."""
        inside = self.root / "sockets"
        if len(os.fsencode(inside)) <= MOST_SOCKET_FOLDER_BYTES and PLAIN_PATH.fullmatch(str(inside)):
            return inside
        return runtime_folder() / fingerprint(self.root)

    @property
    def keys(self) -> Path:
        """Secrets generated at the first start. Without this file every sealed value in the database is unreadable."""
        return self.root / "keys.env"

    @property
    def ports(self) -> Path:
        """The sandbox's ports, which are kept for the next start as long as they are free."""
        return self.root / "ports.env"

    @property
    def site_environment(self) -> Path:
        """The settings with which the site connects to the services; ``config/environment.py`` reads them from here."""
        return self.root / "site.env"

    @property
    def anchors(self) -> Path:
        """The file with signed copies of the audit trail's state."""
        return self.root / "audit-anchors.jsonl"

    @property
    def lock(self) -> Path:
        """The file that is locked while the services run. ``make run`` writes its process id into it."""
        return self.root / "lock"

    def log(self, service: str) -> Path:
        """Return the file for the output of a service."""
        return self.root / f"{service}.log"


def fingerprint(path: Path) -> str:
    """Return a short hash of a path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def locate(checkout: Path = CHECKOUT) -> DataDir:
    """Return the checkout's data directory: ``PLUMBLINE_HOME``, else ``.data`` in the checkout, for root in /var/lib.

    Root's cluster belongs to a system user, because PostgreSQL refuses to run as root. That user may not have access to
    the checkout (for example in /root), and we do not change permissions of folders that we have not created.
    """
    if home := os.environ.get("PLUMBLINE_HOME"):
        return DataDir(Path(home).expanduser().resolve())
    if os.geteuid() == 0:
        return DataDir(ACCOUNT_HOME / fingerprint(checkout))
    return DataDir(checkout / ".data")


def runtime_folder() -> Path:
    """Return a folder with a short path, for the sockets and port locks of the current system user."""
    if (folder := os.environ.get("XDG_RUNTIME_DIR")) and os.access(folder, os.W_OK):
        return Path(folder) / "plumbline"
    return Path(tempfile.gettempdir()) / f"plumbline-{os.geteuid()}"


def make_private(folder: Path, mode: int = 0o700) -> Path:
    """Create a folder that only we can access, and return it. Existing parents are not changed.

    Raises CannotStart if another user owns it, it is a link, or the file system does not support permissions.
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
    """Create the folders of a data directory, and return it.

    An account owns the folder of the sockets, and can enter the folders above it but not list them.
    """
    mode = 0o711 if account else 0o700
    make_private(data_dir.root, mode)
    make_private(data_dir.sockets.parent, mode)
    if account:
        account.create_folder(data_dir.sockets)
    else:
        make_private(data_dir.sockets)
    return data_dir


def build_settings(sockets: Path, keys: dict[str, str], ports: dict[str, str]) -> dict[str, str]:
    """Return the site's settings for services with sockets in this folder, and these keys and ports."""
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
        "SIGNING_KEYS": keys["SIGNING_KEYS"],
    }


def database_url(sockets: Path, role: str, password: str, database: str = DATABASE) -> str:
    """Return the URL with which a role connects to the cluster with its socket in ``sockets``."""
    login = f"{role}:{quote(password, safe='')}" if password else role
    return f"postgres://{login}@/{database}?host={quote(str(sockets))}"
