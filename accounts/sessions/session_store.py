"""Stores sessions in the database by a hash of their key, with the one query of every request written by hand.

Django takes longer to build this query than PostgreSQL to execute it. A session's key is only in its browser's cookie.
The database stores a hash of it, so that a copy of the database contains no key that can be used to sign in. A key is
random, so one fast hash is enough.
"""

from hashlib import sha256
from typing import Any, Final

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase
from django.db import connection
from django.utils import timezone

LOAD_SESSION = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"


# The length of Django's and allauth's columns: 160 bits in hexadecimal, as many as a key has.
HASH_LENGTH: Final = 40


def hash_session_key(session_key: str) -> str:
    """Return the hash that the database stores in place of a session's key."""
    return sha256(session_key.encode(errors="replace")).hexdigest()[:HASH_LENGTH]


class SessionStore(db.SessionStore):
    """Sessions in the database, stored by the hashes of their keys."""

    # The same salt for both classes, so that each can read the other's sessions.
    key_salt = "django.contrib.sessions.SessionStore"

    def stored_key(self, session_key: str) -> str:
        """Return the key of a session's row."""
        return hash_session_key(session_key)

    def load(self) -> dict[str, Any]:
        """Return the session's data. A session that expired or was ended is empty and loses its key."""
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
    """A session that is identified by the key of its row. Never create one from a key that a browser sends."""

    def stored_key(self, session_key: str) -> str:
        """Return the key as it is: it is the row's own."""
        return session_key


def session_hash(session: SessionBase) -> str:
    """Return the hash of a session's key; empty for a session that was never stored."""
    return hash_session_key(session.session_key) if session.session_key else ""
