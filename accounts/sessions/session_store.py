"""Whose a request is: Django's sessions and allauth's backend, with the two questions of every request written out.

Django takes longer to write them than PostgreSQL to answer both.

A session's key stands in its browser's cookie and nowhere else. The database holds a hash of it, so whoever reads the
database, or a copy of it, finds no key that lets them in. A key is random, so one fast hash is enough.
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
    """Sessions in the database, by the hashes of their keys."""

    # What sessions are signed with, whichever of the two classes reads them.
    key_salt = "django.contrib.sessions.SessionStore"

    def stored_key(self, session_key: str) -> str:
        """Which row holds the session with a key."""
        return hash_session_key(session_key)

    def load(self) -> dict[str, Any]:
        """Read the session; one that is over or was ended is empty and loses its key."""
        with connection.cursor() as cursor:
            cursor.execute(LOAD_SESSION, [self.stored_key(self.session_key or ""), timezone.now()])
            found = cursor.fetchone()
        if found is None:
            self._session_key = None
            return {}
        return self.decode(found[0])

    def exists(self, session_key: str) -> bool:
        """Whether there is a session with a key, over or not."""
        return bool(super().exists(self.stored_key(session_key)))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """The row that holds the session."""
        row = super().create_model_instance(data)
        row.session_key = self.stored_key(str(row.session_key))
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Forget the session with a key, or this one."""
        wanted = session_key or self.session_key
        if wanted:
            super().delete(self.stored_key(wanted))


class StoredSession(SessionStore):
    """A session that is known by its row alone, as in a list of them. Never make one of what a browser sends."""

    def stored_key(self, session_key: str) -> str:
        """The key is the row's."""
        return session_key


def session_hash(session: SessionBase) -> str:
    """What stands in the database for a session's key; empty for a session that was never stored."""
    return hash_session_key(session.session_key) if session.session_key else ""
