"""The system user that PostgreSQL runs as if we are root, because PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devservices import CannotStart

NAME = "plumbline"
ACCOUNT_HOME = Path("/var/lib/plumbline")
ADVICE = f"Run as an ordinary user instead, or create the system user '{NAME}' first."


@dataclass(frozen=True)
class ServiceAccount:
    """A user and group other than the current process's."""

    uid: int
    gid: int

    @property
    def popen_options(self) -> dict[str, Any]:
        """The options for `subprocess` to run a program as this account, without root's supplementary groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def create_folder(self, folder: Path) -> Path:
        """Create a folder that only this account and root can enter, and return it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(folder, self.uid, self.gid)
        return folder


def ensure_service_account() -> ServiceAccount | None:
    """Return the account for PostgreSQL: the system user 'plumbline', created if need be, or None unless we are root.

    Raises CannotStart if the user cannot be created.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        create_account()
        entry = pwd.getpwnam(NAME)
    return ServiceAccount(entry.pw_uid, entry.pw_gid)


def create_account() -> None:
    """Create the system user, without login and home. Raises CannotStart if useradd is missing or fails."""
    shell = shutil.which("nologin", path="/usr/sbin:/sbin:/usr/bin:/bin") or "/bin/false"
    options = ["--system", "--no-create-home", "--home-dir", str(ACCOUNT_HOME), "--shell", shell, "--user-group", NAME]
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        raise CannotStart(f"PostgreSQL does not run as root, and this machine has no useradd. {ADVICE}")
    result = subprocess.run([useradd, *options], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise CannotStart(f"PostgreSQL does not run as root, and useradd failed: {result.stderr.strip()}. {ADVICE}")
