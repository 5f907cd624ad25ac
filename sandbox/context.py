"""The state of one running sandbox, the first argument of every handler."""

import os
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.clock import Clock
from sandbox.store import Store

TOKEN_FILE = "admin-token"  # noqa: S105 - the name of a file


@dataclass(frozen=True)
class AppContext:
    """One sandbox: its store, its clock, the credentials it accepts, and how fast its banks are (``profile``)."""

    directory: Path
    store: Store
    clock: Clock
    client_id: str
    secret: str
    admin_token: str
    profile: str = "fast"
    stopping: threading.Event = field(default_factory=threading.Event)


def open_context(
    directory: Path, *, client_id: str, secret: str, admin_token: str = "", profile: str = "fast"
) -> AppContext:
    """Open the sandbox in ``directory``, or create a new one. ``app.Application`` creates the tables."""
    store = Store(directory)
    token = admin_token or _read_token(directory / TOKEN_FILE)
    return AppContext(directory, store, Clock(store), client_id, secret, token, profile)


def _read_token(path: Path) -> str:
    """Read the admin token; a new sandbox gets a random one, in a file that only its owner can read."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path.read_text().strip()
