"""Lockout: stops guesses at the password or code of one account. Its owner's passkey still works.

Ten refused passwords or codes lock the account for 15 minutes. Each one after that doubles the time, up to 16 hours. A
day after the last failure, the count starts again. Addresses without an account are counted and locked in the same way,
and the table has a keyed hash of them, so neither the site's responses nor the table reveal who has an account.

allauth's rate limits, which count in Redis, come first. The lockout also holds when Redis loses its data.
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

# One statement, so that twenty guesses at once count as twenty.
RECORD_FAILURE: Final = """
    -- The first failure of a key never locks.
    INSERT INTO accounts_loginthrottle AS t (key, failures, failed_at, locked_until)
         VALUES (%(key)s, 1, %(now)s, NULL)
    ON CONFLICT (key) DO UPDATE SET
        -- Count from one again after a day; do not count guesses that arrive during a lockout.
        failures = CASE WHEN t.failed_at < %(forgotten)s THEN 1
                        WHEN t.locked_until > %(now)s THEN t.failures ELSE t.failures + 1 END,
        -- Keep a lockout that is in force as it is. From the tenth failure on, lock, and double the time with each.
        locked_until = CASE WHEN t.failed_at < %(forgotten)s THEN NULL
                            WHEN t.locked_until > %(now)s OR t.failures + 1 < %(tries)s THEN t.locked_until
                            ELSE %(now)s + %(first)s * 2 ^ least(t.failures + 1 - %(tries)s, %(doublings)s) END,
        -- Set by the failure that locks, and by no other.
        locked_at = CASE WHEN t.failed_at >= %(forgotten)s AND t.failures + 1 >= %(tries)s
                              AND (t.locked_until IS NULL OR t.locked_until <= %(now)s)
                         THEN %(now)s ELSE t.locked_at END,
        failed_at = %(now)s
    -- Whether it was this failure that locked.
    RETURNING coalesce(locked_at = %(now)s, false)
"""


def locked_until(email: str) -> datetime | None:
    """Return when the lockout of an address ends, or None if there is none."""
    user = user_for_email(email)
    row = LoginThrottle.objects.filter(key=_key(email, user), locked_until__gt=timezone.now()).first()
    return row.locked_until if row else None


def record_failure(email: str) -> bool:
    """Count a refused password or code, and return whether this one locked the account.

    The failure is stored in an autonomous transaction, so that it is kept even if the request is rolled back.
    """
    user, now = user_for_email(email), timezone.now()
    values: dict[str, Any] = {
        "key": _key(email, user),
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
        record(Action.LOCKED, subject=user, outcome="refused", durable=True)
    return bool(has_locked)


def reset_failures(user: User) -> int:
    """Delete a user's failures, as after they have signed in or proved their identity otherwise. Returns how many."""
    return LoginThrottle.objects.filter(key=_key(user.email, user)).delete()[0]


def delete_old_failures() -> None:
    """Delete failures that are too old to count."""
    LoginThrottle.objects.filter(failed_at__lt=timezone.now() - FAILURES_EXPIRE_AFTER).delete()


def make_unlock_token(user: User) -> str | None:
    """Make the token for an email that ends the current lockout. None if there is no lockout."""
    until = locked_until(user.email)
    return signing.dumps([str(user.pk), until.isoformat()], salt=SALT) if until else None


def unlock(token: str) -> User | None:
    """End the lockout that a token was made for. Return None for a token that is forged, too old or used."""
    user = user_for_unlock_token(token)
    if user is None:
        return None
    reset_failures(user)
    record(Action.UNLOCKED, actor=user, subject=user)
    return user


def user_for_unlock_token(token: str) -> User | None:
    """Return the user whose lockout a token ends. None if it has ended, or the token is not valid."""
    try:
        pk, until = signing.loads(token, salt=SALT, max_age=FAILURES_EXPIRE_AFTER)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=pk, is_active=True).first()
    current_until = locked_until(user.email) if user else None
    return user if current_until and current_until.isoformat() == until else None


def user_for_email(email: str) -> User | None:
    """Find the user of an address, ignoring case.

    Called for unknown addresses too, so that both take the same time.
    """
    addresses = EmailAddress.objects.filter(email=email.strip().lower()).select_related("user")
    address = addresses.order_by("-verified", "pk").first()
    return address.user if address else None


def hash_email(email: str) -> str:
    """Hash an address with a key, so that attempts at the same address can be matched without storing it."""
    return _keyed_hash(f"address:{email.strip().lower()}").hex()


def _key(email: str, user: User | None) -> bytes:
    return _keyed_hash(f"user:{user.pk}" if user else f"address:{email.strip().lower()}")


def _keyed_hash(name: str) -> bytes:
    return salted_hmac("accounts.sign_in.lockout", name, algorithm="sha256").digest()
