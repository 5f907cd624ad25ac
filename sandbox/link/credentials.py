"""The test credentials that Link's dialog offers."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class DemoLogin:
    """One login, labelled with what it demonstrates."""

    label: str
    username: str
    password: str


LOGINS = (
    DemoLogin("Twelve accounts", "user_good", "pass_good"),
    DemoLogin("Daily changes", "user_living", "pass_good"),
    DemoLogin("Odd data", "user_messy", "pass_good"),
    DemoLogin("Code by phone", "user_good", "mfa_device"),
    DemoLogin("Security question", "user_good", "mfa_questions_1_1"),
    DemoLogin("Multiple choice", "user_good", "mfa_selections"),
    DemoLogin("Locked account", "user_good", "error_ITEM_LOCKED"),
    DemoLogin("Silent bank", "user_good", "error_INSTITUTION_NOT_RESPONDING"),
)


def as_json() -> list[dict[str, str]]:
    """Return the logins as the dialog receives them."""
    return [asdict(login) for login in LOGINS]
