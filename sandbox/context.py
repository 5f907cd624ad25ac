"""Everything one running sandbox knows, handed as the first argument to every deed."""

import os
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.clock import Clock
from sandbox.store import Store

KEPT_TOKEN = "admin-token"  # noqa: S105 - the name of a file


@dataclass(frozen=True)
class AppContext:
    """One sandbox: its store, its clock, the credentials it accepts and how fast its banks are."""

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
    """Open the sandbox that lives in ``directory``, making it if it is new. Tables are made by ``app.build``."""
    store = Store(directory)
    token = admin_token or _kept_token(directory / KEPT_TOKEN)
    return AppContext(directory, store, Clock(store), client_id, secret, token, profile)


def _kept_token(path: Path) -> str:
    """The admin token in the file; a new sandbox gets a random one that only its owner can read."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path.read_text().strip()
