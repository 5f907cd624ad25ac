"""The authorization that a user signs before their credit report is requested: its text, version and signature.

A bureau may furnish a report "in accordance with the written instructions of the consumer" (Fair Credit Reporting Act,
section 604(a)(2), 15 U.S.C. 1681b(a)(2)); an electronic record counts as written (15 U.S.C. 7001(a)). A user signs
exactly ``text()``, and nothing else is on the page. If you change a word, change ``VERSION`` too; every user then signs
again before their next report.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from compliance.consent import ConsentText, Purpose
from compliance.consent.signed_texts import register_signed_version

VERSION: Final = "2026-11.7"
VALID_FOR: Final = timedelta(days=365)
SCOPE: Final[Mapping[str, str]] = {
    "bureau": "Experian",
    "product": "own credit report and credit scores",
    "frequency": "now, then monthly",
    "inquiry": "soft",
    "duration": "12 months (365 days), then asked again",
    "use": "shown to the person, compared with earlier reports",
}
register_signed_version(Purpose.CREDIT_REPORT, VERSION)
SUFFIXES: Final = frozenset({"jr", "sr", "ii", "iii", "iv", "v", "vi"})


class Clause(NamedTuple):
    """A part of the authorization with its own heading."""

    title: str
    text: str


CLAUSES: Final = (
    Clause(
        "What I authorize",
        "I give Plumbline written instructions under the Fair Credit Reporting Act to obtain my own credit report "
        "and my credit scores from Experian, a credit bureau.",
    ),
    Clause(
        "What the report contains",
        "My credit scores and their score factors, my accounts and payment history, inquiries, public records, "
        "statements in my credit file, and the names, addresses and employers that Experian has on file.",
    ),
    Clause(
        "When",
        "Once now, and then about once a month, for 12 months (365 days) or until I withdraw. After that time this "
        "authorization ends, unless I sign again.",
    ),
    Clause(
        "Effect on my credit",
        "Each report is a soft inquiry. A soft inquiry does not affect my credit scores. I can see it on my own "
        "Experian report; lenders cannot.",
    ),
    Clause(
        "How Plumbline uses it",
        "To show me my report, to compare it with my earlier reports, and to tell me what changed. Plumbline does not "
        "use it for anything else: it is not sold, not used for offers or advertising, and not given to lenders.",
    ),
    Clause(
        "What Plumbline keeps",
        "Plumbline keeps my reports, also after I withdraw: as its pages show them, until my account is deleted, and "
        "as Experian sent them, encrypted, for 24 months (730 days) or as long as I choose. What Experian sent is not "
        "deleted before Plumbline could prepare its pages from it, or before I was told. Account details are stored "
        "encrypted. These are stored without encryption: the dates of requests and reports, my scores and percentiles "
        "or why there is no score, the status of my requests and of my credit file, whether my address or Social "
        "Security number differed, which detail Experian refused, the results of identity checks, and the types and "
        "times of alerts. A report that Experian sent can contain my Social Security number. My name, address, date "
        "of birth and the last four digits of my Social Security number are kept encrypted, to request reports, until "
        "I withdraw. My full Social Security number is kept for that purpose only if I choose so on the next page. "
        "The record of what I signed, and of when I withdrew, is kept as evidence.",
    ),
    Clause(
        "How I withdraw",
        "I can withdraw at any time, under Credit, Your credit rights, without giving a reason. After that, Plumbline "
        "requests no report, and deletes the details that I gave to request reports.",
    ),
    Clause(
        "Who I am",
        "I am the person whose name I type below, and the report is about me. I am 18 or older. Requesting another "
        "person's report under false pretenses is a crime.",
    ),
)


def text() -> str:
    """Return the text as it is shown, signed and hashed, with an empty line between two clauses."""
    return "\n\n".join(f"{clause.title}\n{clause.text}" for clause in CLAUSES)


def consent_text() -> ConsentText:
    """Return the authorization as the consent record stores it."""
    return ConsentText(purpose=Purpose.CREDIT_REPORT, version=VERSION, text=text())


def is_signature(typed: str, *, first_name: str, last_name: str, middle_name: str = "") -> bool:
    """Whether a typed name is the user's, with or without the middle name, its initial, or a suffix such as Jr."""
    first, middle, last = map(_split_name, (first_name, middle_name, last_name))
    middle_variants = {(), tuple(middle), tuple(name[0] for name in middle)}
    signed = _split_name(typed)
    signed_variants = (signed, signed[:-1] if signed and signed[-1] in SUFFIXES else signed)
    return bool(first and last) and any(
        [*first, *middle_words, *last] == name for middle_words in middle_variants for name in signed_variants
    )


def _split_name(name: str) -> list[str]:
    """The words of a name without case, accents and marks: ``Zoë O'Neil-Ray`` is ``zoe``, ``oneil``, ``ray``."""
    plain = "".join(
        character for character in unicodedata.normalize("NFKD", name) if not unicodedata.combining(character)
    )
    return re.sub(r"[^\w\s-]", "", plain.casefold()).replace("-", " ").split()
