"""The opt-out from selling and sharing personal information, which a browser can send with every request.

A browser with Global Privacy Control sends ``Sec-GPC: 1``. California's regulation counts that as a valid request to
opt out (11 CCR 7025). This site sells and shares nothing; the request is recorded all the same.

Source: https://www.w3.org/TR/gpc/
"""

from typing import Final

from django.http import HttpRequest

from accounts.users.models import User
from compliance.consent import ConsentEvent, Purpose, get_active_consent, grant, lock_active_consent, withdraw
from compliance.consent.legal_texts import current_consent_text
from compliance.isolation import tenant

HEADER: Final = "HTTP_SEC_GPC"
SIGNAL_METHOD: Final = "gpc"
"""How the ledger marks an opt-out that a browser sent by itself."""


def sends_signal(request: HttpRequest) -> bool:
    """Whether the browser of a request sends Global Privacy Control."""
    return bool(request.META.get(HEADER) == "1")


def get_opt_out(user: User) -> ConsentEvent | None:
    """Return the opt-out of this user that is on record."""
    return get_active_consent(user_id=user.pk, purpose=Purpose.DO_NOT_SELL)


def opt_out(*, user: User, method: str = "web") -> None:
    """Record that a user opts out, by the current text. Nothing if they have already.

    A browser reads no text, so its signal changes nothing about an opt-out by an earlier text.
    """
    consent_text = current_consent_text(Purpose.DO_NOT_SELL)
    with tenant(user.pk):
        active = lock_active_consent(user_id=user.pk, purpose=Purpose.DO_NOT_SELL)
        is_outdated = active is not None and active.version != consent_text.version
        if active is None or (is_outdated and method != SIGNAL_METHOD):
            grant(user=user, consent_text=consent_text, method=method)


def end_opt_out(*, user: User) -> None:
    """Record that a user takes their opt-out back."""
    withdraw(user=user, purpose=Purpose.DO_NOT_SELL)
