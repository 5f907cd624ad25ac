"""The people of the sandbox: who may sign in, what is asked of them, and what their bank knows.

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
DRAWERS: dict[str, Callable[[str, date], Book]] = {
    "user_good": good.draw,
    "user_transactions_dynamic": dynamic.draw,
    "user_living": daily.draw,
    "user_messy": messy.draw,
}
LOGIN_ERRORS = frozenset(
    code for code, kind in CATALOGUE.items() if kind.type in ("ITEM_ERROR", "INSTITUTION_ERROR", "API_ERROR")
)


@dataclass(frozen=True)
class SignIn:
    """A good login: which persona, its own JSON if it is custom, and the name of its second factor if any."""

    persona: str
    config: str = ""
    mfa: str = ""


@dataclass(frozen=True)
class Prompt:
    """One question. With ``options`` it is multiple choice, otherwise free text. ``answer`` "" accepts any option."""

    label: str
    options: tuple[str, ...] = ()
    answer: str = ""

    def accepts(self, text: str) -> bool:
        """Whether this is the right answer."""
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
    """Check a login. Raises PlaidError: INVALID_CREDENTIALS, or the code that an ``error_<CODE>`` password names."""
    if username == "user_custom":
        return SignIn(username, custom.check(password), custom.second_factor(password))
    if username not in DRAWERS and not SCALE.fullmatch(username):
        raise PlaidError("INVALID_CREDENTIALS")
    if password.startswith("error_"):
        raise PlaidError(_asked_error(password.removeprefix("error_")))
    if password == PASSWORD or username in ANY_PASSWORD:
        return SignIn(username)
    if challenge(password, 0):
        return SignIn(username, mfa=password)
    raise PlaidError("INVALID_CREDENTIALS")


def challenge(mfa: str, number: int) -> Challenge | None:
    """Round ``number`` (from 0) of the second factor called ``mfa``; None when there is no such round."""
    rounds = _rounds(mfa)
    return rounds[number] if number < len(rounds) else None


def draw(persona: str, config: str, seed: str, today: date) -> Book:
    """All that the persona's bank knows on ``today``. The same arguments always give the same book."""
    if persona == "user_custom":
        return custom.draw(config, today)
    if sized := SCALE.fullmatch(persona):
        return scale.draw(seed, today, int(sized[1]))
    return DRAWERS[persona](seed, today)


def next_day(persona: str, config: str, seed: str, *, linked_on: date, day: date) -> list[TransactionDraft]:
    """What the bank writes down on ``day`` by itself: a living persona's news, and what a custom one had pending."""
    if persona == "user_custom":
        return custom.posting(config, linked_on, day)
    return daily.next_day(seed, day) if persona == "user_living" else []


def _asked_error(code: str) -> str:
    return code if code in LOGIN_ERRORS else "INVALID_CREDENTIALS"


def _rounds(mfa: str) -> list[Challenge]:
    """The rounds of ``mfa_device``, ``mfa_questions_<rounds>_<questions>`` and ``mfa_selections``."""
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
    """One round: the answer to question q of round r is ``answer_r_q``."""
    return Challenge(
        "questions",
        tuple(
            Prompt(f"Security question {place + 1} of round {number + 1}", answer=f"answer_{number}_{place}")
            for place in range(count)
        ),
    )
