"""The people Link offers to sign in as, so that nobody has to look up a password."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Person:
    """A login to try, and what it shows."""

    label: str
    username: str
    password: str


PEOPLE = (
    Person("Twelve accounts", "user_good", "pass_good"),
    Person("Daily changes", "user_living", "pass_good"),
    Person("Odd data", "user_messy", "pass_good"),
    Person("Code by phone", "user_good", "mfa_device"),
    Person("Security question", "user_good", "mfa_questions_1_1"),
    Person("Multiple choice", "user_good", "mfa_selections"),
    Person("Locked account", "user_good", "error_ITEM_LOCKED"),
    Person("Silent bank", "user_good", "error_INSTITUTION_NOT_RESPONDING"),
)


def as_json() -> list[dict[str, str]]:
    """The people as the dialog receives them."""
    return [asdict(person) for person in PEOPLE]
