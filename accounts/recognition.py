"""Whose a request is: Django's sessions and allauth's backend, with the two questions of every request written out.

Django takes longer to write them than PostgreSQL to answer both.
"""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.sessions.backends import db
from django.db import connection
from django.utils import timezone

from accounts.models import User

SESSION = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"
PERSON = "SELECT * FROM accounts_user WHERE id = %s"


class SessionStore(db.SessionStore):
    """Sessions in the database."""

    def load(self) -> dict[str, Any]:
        """Read the session; one that is over or was ended is empty and loses its key."""
        with connection.cursor() as cursor:
            cursor.execute(SESSION, [self.session_key, timezone.now()])
            found = cursor.fetchone()
        if found is None:
            self._session_key = None
            return {}
        return self.decode(found[0])


class Backend(AuthenticationBackend):
    """Sign-in by allauth."""

    def get_user(self, user_id: Any) -> User | None:
        """Return the person of a session, unless the account is closed."""
        person = next(iter(User.objects.raw(PERSON, [user_id])), None)
        return person if person is not None and self.user_can_authenticate(person) else None
