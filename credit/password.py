"""How old our password at the bureau is. Experian ends it after 90 days, and answers with a page of HTML from then on.

Source: the handbook of Experian's Connect API says so of its own; our product's contract settles it.
"""

from datetime import date

from django.conf import settings
from django.utils import timezone

WARN_AFTER_DAYS = 75
ENDS_AFTER_DAYS = 90


def age_of_password() -> int | None:
    """How many days ago the password was set, as the settings say; ``None`` where they do not."""
    day: date | None = settings.EXPERIAN_PASSWORD_SET_ON
    return None if day is None else (timezone.now().date() - day).days


def warning() -> str:
    """One sentence for operators when the password is due to be changed; else empty."""
    age = age_of_password()
    if age is None or age <= WARN_AFTER_DAYS:
        return ""
    return f"The bureau's password is {age} days old and ends at {ENDS_AFTER_DAYS}. Set a new one."
