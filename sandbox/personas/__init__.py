"""The personas of the sandbox: their logins, their second factors, and their accounts and transactions.

Passwords and user names follow https://plaid.com/docs/sandbox/test-credentials/ ; ``user_living``,
``user_messy`` and ``user_scale_<n>`` are our own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.errors import CATALOGUE, PlaidError
from sandbox.personas import custom, daily, dynamic, good, messy, scale
from sandbox.personas.drafts import Book, TransactionDraft

SCALE = re.compile(r"user_scale_(\d{1,6})")
PASSWORD = "pass_good"  # noqa: S105 - the one that Plaid publishes
ANY_PASSWORD = ("user_transactions_dynamic",)
GENERATORS: dict[str, Callable[[str, date], Book]] = {
    "user_good": good.draw,
    "user_transactions_dynamic": dynamic.draw,
    "user_living": daily.draw,
    "user_messy": messy.draw,
}
LOGIN_ERRORS = frozenset(
    code for code, spec in CATALOGUE.items() if spec.type in ("ITEM_ERROR", "INSTITUTION_ERROR", "API_ERROR")
)


@dataclass(frozen=True)
class SignIn:
    """A valid login: the persona, its JSON if it is custom, and the name of its second factor if it has one."""

    persona: str
    config: str = ""
    mfa: str = ""


@dataclass(frozen=True)
class Prompt:
    """One question: multiple choice with ``options``, else free text. ``answer`` "" accepts any option."""

    label: str
    options: tuple[str, ...] = ()
    answer: str = ""

    def accepts(self, text: str) -> bool:
        return text == self.answer if self.answer else text in self.options


@dataclass(frozen=True)
class Challenge:
    """One round of a second factor. ``kind`` is device, code, questions or selections."""

    kind: str
    prompts: tuple[Prompt, ...]

    def accepts(self, answers: list[str]) -> bool:
        """Whether every prompt has its right answer, in order."""
        pairs = zip(self.prompts, answers, strict=False)
        return len(answers) == len(self.prompts) and all(prompt.accepts(text) for prompt, text in pairs)


def sign_in(username: str, password: str) -> SignIn:
    """Check a login. Raises PlaidError: INVALID_CREDENTIALS, or the code of an ``error_<CODE>`` password."""
    if username == "user_custom":
        return SignIn(username, custom.check(password), custom.second_factor(password))
    if username not in GENERATORS and not SCALE.fullmatch(username):
        raise PlaidError("INVALID_CREDENTIALS")
    if password.startswith("error_"):
        raise PlaidError(_error_code(password.removeprefix("error_")))
    if password == PASSWORD or username in ANY_PASSWORD:
        return SignIn(username)
    if challenge(password, 0):
        return SignIn(username, mfa=password)
    raise PlaidError("INVALID_CREDENTIALS")


def challenge(mfa: str, number: int) -> Challenge | None:
    """Return round ``number`` (from 0) of the second factor ``mfa``, or None after the last one."""
    rounds = _rounds(mfa)
    return rounds[number] if number < len(rounds) else None


def draw(persona: str, config: str, seed: str, today: date) -> Book:
    """Generate a persona's accounts and transactions as of ``today``, always the same for the same arguments."""
    if persona == "user_custom":
        return custom.draw(config, today)
    if sized := SCALE.fullmatch(persona):
        return scale.draw(seed, today, int(sized[1]))
    return GENERATORS[persona](seed, today)


def next_day(persona: str, config: str, seed: str, *, linked_on: date, day: date) -> list[TransactionDraft]:
    """Return the new transactions of ``day``: user_living's, and those of a custom persona that post on that day."""
    if persona == "user_custom":
        return custom.posting(config, linked_on, day)
    return daily.next_day(seed, day) if persona == "user_living" else []


def _error_code(code: str) -> str:
    return code if code in LOGIN_ERRORS else "INVALID_CREDENTIALS"


def _rounds(mfa: str) -> list[Challenge]:
    """Return the rounds of ``mfa_device``, ``mfa_questions_<rounds>_<questions>`` and ``mfa_selections``."""
    if mfa == "mfa_device":
        devices = ("Phone ending in 4321", "Email t***@example.com")
        ask = Prompt("Where should we send your code?", devices)
        return [Challenge("device", (ask,)), Challenge("code", (Prompt("Enter your code", answer="1234"),))]
    if mfa == "mfa_selections":
        return [Challenge("selections", (Prompt("Is this your account?", ("Yes", "No"), "Yes"),))]
    if sized := re.fullmatch(r"mfa_questions_(\d)_(\d)", mfa):
        return [_questions(number, int(sized[2])) for number in range(int(sized[1]))]
    return []


def _questions(number: int, count: int) -> Challenge:
    """Return one round; the answer to question q of round r is ``answer_r_q``."""
    return Challenge(
        "questions",
        tuple(
            Prompt(f"Security question {place + 1} of round {number + 1}", answer=f"answer_{number}_{place}")
            for place in range(count)
        ),
    )
