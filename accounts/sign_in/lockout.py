"""Locking an account against guessing, for as long as the guessing goes on and never for its owner's passkey.

Ten refused passwords or codes lock for 15 minutes; each one after that doubles the time, up to 16 hours. A day
after the last, all is forgotten. Addresses without an account are counted and locked alike, and stand in the table
as a keyed hash, so neither the site's answers nor the table tell who has an account.

The limits of allauth, which count in Redis, stand in front of this; the lock also holds when Redis forgets.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from allauth.account.models import EmailAddress
from django.core import signing
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.sign_in.models import LoginThrottle
from accounts.users.models import User
from compliance.audit import Action, record
from compliance.isolation import SYSTEM
from compliance.isolation.tenant import autonomous_cursor

FAILURES_BEFORE_LOCKOUT: Final = 10
FIRST_LOCKOUT: Final = timedelta(minutes=15)
MAX_DOUBLINGS: Final = 6
FAILURES_EXPIRE_AFTER: Final = timedelta(days=1)
SALT: Final = "accounts.unlock"

# One statement, so that twenty guesses at once count as twenty. A guess that was on its way when the lock fell does
# not lengthen it. The last column tells whether it was this one that locked.
RECORD_FAILURE: Final = """
    INSERT INTO accounts_loginthrottle AS t (key, failures, failed_at, locked_until)
         VALUES (%(key)s, 1, %(now)s, NULL)
    ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN t.failed_at < %(forgotten)s THEN 1
                        WHEN t.locked_until > %(now)s THEN t.failures ELSE t.failures + 1 END,
        locked_until = CASE WHEN t.failed_at < %(forgotten)s THEN NULL
                            WHEN t.locked_until > %(now)s OR t.failures + 1 < %(tries)s THEN t.locked_until
                            ELSE %(now)s + %(first)s * 2 ^ least(t.failures + 1 - %(tries)s, %(doublings)s) END,
        locked_at = CASE WHEN t.failed_at >= %(forgotten)s AND t.failures + 1 >= %(tries)s
                              AND (t.locked_until IS NULL OR t.locked_until <= %(now)s)
                         THEN %(now)s ELSE t.locked_at END,
        failed_at = %(now)s
    RETURNING coalesce(locked_at = %(now)s, false)
"""


def locked_until(email: str) -> datetime | None:
    """When the lock on an address ends, or None while there is none."""
    person = user_for_email(email)
    row = LoginThrottle.objects.filter(key=_key(email, person), locked_until__gt=timezone.now()).first()
    return row.locked_until if row else None


def record_failure(email: str) -> bool:
    """Count a refused password or code, at once and whatever becomes of the request; tells whether it locked."""
    person, now = user_for_email(email), timezone.now()
    values: dict[str, Any] = {
        "key": _key(email, person),
        "now": now,
        "forgotten": now - FAILURES_EXPIRE_AFTER,
        "tries": FAILURES_BEFORE_LOCKOUT,
        "first": FIRST_LOCKOUT,
        "doublings": MAX_DOUBLINGS,
    }
    with autonomous_cursor(SYSTEM) as cursor:
        cursor.execute(RECORD_FAILURE, values)
        (has_locked,) = cursor.fetchone()
    if has_locked:
        record(Action.LOCKED, subject=person, outcome="refused", durable=True)
    return bool(has_locked)


def reset_failures(user: User) -> None:
    """Forget what was refused, because the person has proved who they are."""
    LoginThrottle.objects.filter(key=_key(user.email, user)).delete()


def delete_old_failures() -> None:
    """Delete what would count for nothing at the next failure."""
    LoginThrottle.objects.filter(failed_at__lt=timezone.now() - FAILURES_EXPIRE_AFTER).delete()


def make_unlock_token(user: User) -> str | None:
    """What a mail carries to end this one lock; None when there is nothing to end."""
    until = locked_until(user.email)
    return signing.dumps([str(user.pk), until.isoformat()], salt=SALT) if until else None


def unlock(token: str) -> User | None:
    """End the lock that a token was made for. None for a token that is forged, too old or used."""
    user = user_for_unlock_token(token)
    if user is None:
        return None
    reset_failures(user)
    record(Action.UNLOCKED, actor=user, subject=user)
    return user


def user_for_unlock_token(token: str) -> User | None:
    """Whose lock a token ends; None when that lock has ended, or the token is none of ours."""
    try:
        pk, until = signing.loads(token, salt=SALT, max_age=FAILURES_EXPIRE_AFTER)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=pk, is_active=True).first()
    lasts = locked_until(user.email) if user else None
    return user if lasts and lasts.isoformat() == until else None


def user_for_email(email: str) -> User | None:
    """Whose address this is, in any case; asked for unknown addresses too, so that both take as long."""
    addresses = EmailAddress.objects.filter(email=email.strip().lower()).select_related("user")
    address = addresses.order_by("-verified", "pk").first()
    return address.user if address else None


def hash_email(email: str) -> str:
    """A keyed hash of an address, by which tries at the same one can be told without writing it down."""
    return _keyed_hash(f"address:{email.strip().lower()}").hex()


def _key(email: str, person: User | None) -> bytes:
    return _keyed_hash(f"person:{person.pk}" if person else f"address:{email.strip().lower()}")


def _keyed_hash(name: str) -> bytes:
    return salted_hmac("accounts.sign_in.lockout", name, algorithm="sha256").digest()
