"""How old the site's password at the bureau is. A bureau ends passwords, and answers with an HTML page from then on."""

from django.utils import timezone

from credit.bureaus import current_bureau

WARN_DAYS_BEFORE_END = 15


def password_age() -> int | None:
    """How many days ago the password was set, as the settings say; ``None`` where they do not."""
    day = current_bureau().password_set_on
    return None if day is None else (timezone.now().date() - day).days


def password_warning() -> str:
    """One sentence for operators when the password is due to be changed; else empty."""
    age, lifetime = password_age(), current_bureau().password_lifetime
    if age is None or lifetime is None or age <= lifetime - WARN_DAYS_BEFORE_END:
        return ""
    return f"The bureau's password is {age} days old and ends at {lifetime}. Set a new one."
