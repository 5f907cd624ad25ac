"""The authorization: its required content, that its version changes with its text, and which signatures are valid."""

import pytest

from compliance.consent import Purpose
from credit.enrollment.authorization import CLAUSES, SCOPE, VALID_FOR, VERSION, consent_text, is_signature, text

# Each version and the hash of its text. Never change a line: add one, with a new version.
HASHES = {
    "2026-11": "a5461734227e67930fb3424a18a2ca06e684791e6c1ce813e9af5a799d9b35bf",
    "2026-11.2": "ce6f6515b393173c7b33a8a871f8daed76b677bca8f5f11a977f142f56f1cdcc",
    "2026-11.3": "6bb198557c787e308f2b8b26aaaf2505d51ae821871631dfad1b8c9d337c126b",
    "2026-11.4": "0c940eae0aea4d83bab5221bbd762118042940deec8bd6507004329049955f58",
    "2026-11.5": "7b27b646e9a6e1dfc6a9b732435955f8ef2855367ddfad8add7d1df75e68248e",
    "2026-11.6": "ee8f729858bc96e260b4b719e038812a674e4f75bf282d9c4ca9c48bdd2e94cd",
    "2026-11.7": "cdff6f6dd9019282d26315592ccf603d10fb678118df01d127aa8f84b1fb3613",
}


def test_it_changes_its_version_with_its_text() -> None:
    assert HASHES[VERSION] == consent_text().sha256, "The words have changed: give them a new VERSION and add it here."
    assert list(HASHES)[-1] == VERSION


@pytest.mark.parametrize(
    "phrase",
    [
        "written instructions under the Fair Credit Reporting Act",
        "Experian",
        "my own credit report",
        "credit scores",
        "once a month",
        "12 months",
        "soft inquiry",
        "does not affect my credit scores",
        "not sold",
        "encrypted",
        "Social Security number",
        "withdraw at any time",
        "18 or older",
    ],
)
def test_it_contains_the_required_disclosures(phrase: str) -> None:
    assert phrase in text()


@pytest.mark.parametrize(
    "stored",
    [
        "dates of requests and reports",
        "my scores and percentiles",
        "why there is no score",
        "the status of my requests and of my credit file",
        "whether my address or Social Security number differed",
        "which detail Experian refused",
        "the results of identity checks",
        "the types and times of alerts",
    ],
)
def test_it_lists_what_is_stored_without_encryption(stored: str) -> None:
    _, _, list_text = text().partition("These are stored without encryption: ")
    assert stored in list_text.partition(".")[0]


def test_it_is_valid_for_a_year_and_has_a_scope() -> None:
    assert VALID_FOR.days == 365
    assert SCOPE["bureau"] == "Experian"
    assert SCOPE["inquiry"] == "soft"
    assert consent_text().purpose == Purpose.CREDIT_REPORT


def test_it_stores_the_text_that_is_shown() -> None:
    assert consent_text().text == text()
    for clause in CLAUSES:
        assert f"{clause.title}\n{clause.text}" in text()


@pytest.mark.parametrize(
    "typed",
    [
        "Ada Mercer",
        "ada mercer",
        "  ADA   MERCER ",
        "Ada Marie Mercer",
        "Ada M. Mercer",
        "Ada Mercer Jr.",
        "Ada M Mercer III",
    ],
)
def test_it_accepts_variants_of_the_users_name(typed: str) -> None:
    assert is_signature(typed, first_name="Ada", middle_name="Marie", last_name="Mercer")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "Ada",
        "Mercer",
        "Mercer Ada",
        "Adam Mercer",
        "Ada Merc",
        "Ada Bea Mercer",
        "Ada N. Mercer",
        "A. Mercer",
        "Jr",
    ],
)
def test_it_rejects_other_names(typed: str) -> None:
    assert not is_signature(typed, first_name="Ada", middle_name="Marie", last_name="Mercer")


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("Zoe Oneil Ray", "Zoë", "O'Neil-Ray"),
        ("Zoë O’Neil-Ray", "Zoe", "ONeil Ray"),
        ("Mary Ann de la Cruz", "Mary-Ann", "De La Cruz"),
        ("Bob V", "Bob", "V"),
    ],
)
def test_it_ignores_accents_hyphens_and_apostrophes(typed: str, first: str, last: str) -> None:
    assert is_signature(typed, first_name=first, last_name=last)


def test_it_rejects_a_signature_for_a_name_without_letters() -> None:
    assert not is_signature("", first_name="", last_name="")
    assert not is_signature("", first_name="'", last_name="'")
