"""The system user that PostgreSQL runs as when we are root, because it refuses to run as root itself."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devservices import CannotStart

NAME = "plumbline"
PLACE = Path("/var/lib/plumbline")
ADVICE = f"Run as an ordinary user instead, or create the system user '{NAME}' first."


@dataclass(frozen=True)
class ServiceAccount:
    """A user and group other than the one we run as."""

    uid: int
    gid: int

    @property
    def popen_options(self) -> dict[str, Any]:
        """The options with which `subprocess` starts a program as this account, without our other groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> Path:
        """Create a folder that only this account (and root) can enter."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(folder, self.uid, self.gid)
        return folder


def service_account() -> ServiceAccount | None:
    """Return the account for PostgreSQL: none for an ordinary user, the system user 'plumbline' for root.

    Raises CannotStart when root has no such user and cannot create one.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        create()
        entry = pwd.getpwnam(NAME)
    return ServiceAccount(entry.pw_uid, entry.pw_gid)


def create() -> None:
    """Create the system user with whichever tool this machine has. It cannot log in and owns no home."""
    shell = shutil.which("nologin", path="/usr/sbin:/sbin:/usr/bin:/bin") or "/bin/false"
    options = ["--system", "--no-create-home", "--home-dir", str(PLACE), "--shell", shell, "--user-group", NAME]
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        raise CannotStart(f"PostgreSQL does not run as root, and this machine has no useradd. {ADVICE}")
    made = subprocess.run([useradd, *options], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise CannotStart(f"PostgreSQL does not run as root, and useradd failed: {made.stderr.strip()}. {ADVICE}")
