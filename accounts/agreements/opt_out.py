"""The opt-out from selling and sharing personal information, which a browser can send with every request.

A browser with Global Privacy Control sends ``Sec-GPC: 1``. California's regulation counts that as a valid request to
opt out (11 CCR 7025). This site sells and shares nothing; the request is recorded all the same.

Source: https://www.w3.org/TR/gpc/
"""

from typing import Final

from django.http import HttpRequest

from accounts.users.models import User
from compliance.consent import Purpose, get_active_consent, grant, lock_active_consent, withdraw
from compliance.consent.legal_texts import current_consent_text
from compliance.isolation import tenant

HEADER: Final = "HTTP_SEC_GPC"
SIGNAL_METHOD: Final = "gpc"
"""How the ledger marks an opt-out that a browser sent by itself."""


def sends_signal(request: HttpRequest) -> bool:
    """Whether the browser of a request sends Global Privacy Control."""
    return bool(request.META.get(HEADER) == "1")


def is_opted_out(user: User) -> bool:
    """Whether an opt-out of this user is on record."""
    return get_active_consent(user_id=user.pk, purpose=Purpose.DO_NOT_SELL) is not None


def opt_out(*, user: User, method: str = "web") -> None:
    """Record that a user opts out. Nothing if they have already."""
    with tenant(user.pk):
        if lock_active_consent(user_id=user.pk, purpose=Purpose.DO_NOT_SELL) is None:
            grant(user=user, consent_text=current_consent_text(Purpose.DO_NOT_SELL), method=method)


def end_opt_out(*, user: User) -> None:
    """Record that a user takes their opt-out back."""
    withdraw(user=user, purpose=Purpose.DO_NOT_SELL)
