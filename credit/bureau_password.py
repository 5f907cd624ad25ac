"""The age of the site's password at the bureau, which expires. After that the bureau responds with an HTML page."""

from django.utils import timezone

from credit.bureaus import current_bureau

WARN_DAYS_BEFORE_END = 15


def password_age() -> int | None:
    """Return how many days ago the password was set; ``None`` if the settings do not say."""
    day = current_bureau().password_set_on
    return None if day is None else (timezone.now().date() - day).days


def password_warning() -> str:
    """Return one sentence for operators if the password should be changed, else an empty string."""
    age, lifetime = password_age(), current_bureau().password_lifetime
    if age is None or lifetime is None or age <= lifetime - WARN_DAYS_BEFORE_END:
        return ""
    return f"The bureau's password is {age} days old and ends at {lifetime}. Set a new one."
