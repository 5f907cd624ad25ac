"""Stores sessions in the database by a hash of their key, with the one query of every request written by hand.

Django takes longer to build this query than PostgreSQL to answer it. A session's key is in its browser's cookie and
nowhere else. The database holds a hash of it, so whoever reads the database, or a copy of it, finds no key that signs
them in. A key is random, so one fast hash is enough.
"""

from hashlib import sha256
from typing import Any, Final

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase
from django.db import connection
from django.utils import timezone

LOAD_SESSION = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"


# As much as Django's and allauth's columns hold: 160 bits, as many as a key has.
HASH_LENGTH: Final = 40


def hash_session_key(session_key: str) -> str:
    """Return the hash that the database holds in place of a session's key."""
    return sha256(session_key.encode(errors="replace")).hexdigest()[:HASH_LENGTH]


class SessionStore(db.SessionStore):
    """Sessions in the database, stored by the hashes of their keys."""

    # What sessions are signed with, whichever of the two classes reads them.
    key_salt = "django.contrib.sessions.SessionStore"

    def stored_key(self, session_key: str) -> str:
        """Return the key of the row that holds a session."""
        return hash_session_key(session_key)

    def load(self) -> dict[str, Any]:
        """Read the session; one that expired or was ended is empty and loses its key."""
        with connection.cursor() as cursor:
            cursor.execute(LOAD_SESSION, [self.stored_key(self.session_key or ""), timezone.now()])
            row = cursor.fetchone()
        if row is None:
            self._session_key = None
            return {}
        return self.decode(row[0])

    def exists(self, session_key: str) -> bool:
        """Return whether there is a session with this key, expired or not."""
        return bool(super().exists(self.stored_key(session_key)))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = self.stored_key(str(row.session_key))
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session with this key, or the current one."""
        key = session_key or self.session_key
        if key:
            super().delete(self.stored_key(key))


class StoredSession(SessionStore):
    """A session known only by its row, as in a list. Never make one from what a browser sends."""

    def stored_key(self, session_key: str) -> str:
        """Return the key as it is: it is the row's own."""
        return session_key


def session_hash(session: SessionBase) -> str:
    """Return what the database holds in place of a session's key; empty for a session that was never stored."""
    return hash_session_key(session.session_key) if session.session_key else ""
