"""The written instruction under which a user's credit report is obtained: its text, its version, its signature.

A bureau may hand a report out on the written instructions of the person whom it is about, and an electronic record
is written enough: 15 U.S.C. 1681b(a)(2) and 7001(a). What a person signs is ``text()``, to the letter, and nothing
else stands on the page. Whoever changes a word also changes ``VERSION``; then everybody is asked again before the
next report.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from compliance.consent import ConsentText, Purpose

VERSION: Final = "2026-11.2"
VALID_FOR: Final = timedelta(days=365)
SCOPE: Final[Mapping[str, str]] = {
    "bureau": "Experian",
    "product": "own credit report and credit scores",
    "frequency": "now, then monthly",
    "inquiry": "soft",
    "duration": "12 months, then asked again",
    "use": "shown to the person, compared with earlier reports",
}
SUFFIXES: Final = frozenset({"jr", "sr", "ii", "iii", "iv", "v", "vi"})


class Clause(NamedTuple):
    """A part of the instruction with its own heading."""

    title: str
    text: str


CLAUSES: Final = (
    Clause(
        "What I ask for",
        "I give Plumbline written instructions under the Fair Credit Reporting Act to obtain my own credit report "
        "and my credit scores from Experian, a credit bureau.",
    ),
    Clause(
        "What is read",
        "My scores and the reasons that Experian gives for them, my accounts and how they were paid, who asked for "
        "my file, public records, statements on my file, and the names, addresses and employers that Experian keeps.",
    ),
    Clause(
        "When",
        "Once now, and then about once a month, for 12 months or until I stop it. After 12 months it ends by itself, "
        "unless I sign again.",
    ),
    Clause(
        "What it does to my file",
        "Each time is a soft inquiry. A soft inquiry does not affect my credit scores. I see it when I ask Experian "
        "for my own file; lenders do not.",
    ),
    Clause(
        "What it is used for",
        "To show my report to me, to compare it with my earlier reports, and to tell me what changed. For nothing "
        "else: it is not sold, not used for offers or advertising, and not given to lenders or anybody else.",
    ),
    Clause(
        "What is kept",
        "My reports stay in my Plumbline account until the account is deleted, encrypted: as Experian sent them, "
        "and as its pages show them. Their dates and scores, and the alerts that tell me what changed, are stored "
        "without encryption. My name, address, birth date and the last four digits of my Social Security number "
        "stay, encrypted, until I withdraw, to ask again with. The whole number is used to ask and then forgotten, "
        "unless I choose on the next page to keep it. The record that I signed this, and when I withdrew it, stays "
        "as evidence.",
    ),
    Clause(
        "How I stop it",
        "I can withdraw at any time, under Credit, Your rights, with one button and without giving a reason. No "
        "report is obtained after that, and what was kept to ask with is deleted at once.",
    ),
    Clause(
        "Who I am",
        "I am the person whose name I type below, and the report is about me. I am 18 or older. Asking for somebody "
        "else's report under a false name is a crime.",
    ),
)


def text() -> str:
    """Return the instruction as it is shown, signed and hashed, with an empty line between two clauses."""
    return "\n\n".join(f"{clause.title}\n{clause.text}" for clause in CLAUSES)


def consent_text() -> ConsentText:
    """Return the instruction as the consent record stores it."""
    return ConsentText(purpose=Purpose.CREDIT_REPORT, version=VERSION, text=text())


def is_signature(typed: str, *, first_name: str, last_name: str, middle_name: str = "") -> bool:
    """Whether a typed name is the user's, with or without the middle name, its initial, or a Jr."""
    first, middle, last = map(_split_name, (first_name, middle_name, last_name))
    between = {(), tuple(middle), tuple(word[0] for word in middle)}
    signed = _split_name(typed)
    endings = (signed, signed[:-1] if signed and signed[-1] in SUFFIXES else signed)
    return bool(first and last) and any(
        [*first, *middle_words, *last] == name for middle_words in between for name in endings
    )


def _split_name(name: str) -> list[str]:
    """The words of a name without case, accents and marks: ``Zoë O'Neil-Ray`` is ``zoe``, ``oneil``, ``ray``."""
    plain = "".join(
        character for character in unicodedata.normalize("NFKD", name) if not unicodedata.combining(character)
    )
    return re.sub(r"[^\w\s-]", "", plain.casefold()).replace("-", " ").split()
