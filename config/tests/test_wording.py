"""Promises about credit that no page may make: a better score, an approval, an offer.

Such promises make a site a credit repair organization (15 U.S.C. 1679 ff), and no site can keep them. The tests read
the templates and mails, every string in the code of ``APPS``, the documents, and rendered pages.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from credit.presentation.status_messages import STATUS_MESSAGES
from credit.statuses import EnrollmentStatus
from credit.tests.page_steps import enroll_through_pages
from credit.tests.sandbox_bureau import Bureau
from ui.tests.page_text import visible_text

APPS = ("credit", "insights", "accounts")
BETTER = r"(?:improv|boost|repair|fix|rais|increas|enhanc|maximi[sz]|optimi[sz]|grow|strengthen|build|rebuild|clean)"
ENDING = r"(?:e|es|ed|s|d|ing|ement|er|ers)?"
CREDIT = r"(?:fico|vantage)?\s?(?:credit|scores?|rating|creditworthiness)"
PROMISES = (
    rf"\b{BETTER}{ENDING}\s+(?:up\s+)?(?:(?:your|my|a|the|their|bad|poor|low)\s+){{0,2}}{CREDIT}\b",
    r"\bcredit\s+(?:repair|fix|boost|builder|improvement)\w*",
    r"\bhelps?\s+(?:\w+\s+){0,2}(?:credit|score)\b",
    r"\b(?:better|higher)\s+(?:credit\s+)?scores?\b",
    r"\bscores?\s+(?:will|would|can|could|should|may|might)\s+(?:\w+\s+)?(?:rise|improve|increase|go up|become|be \d)",
    r"\b(?:gain|add|earn|win)\s+(?:up to\s+)?\d+\s+points\b",
    r"\bapproval\s+(?:odds|chances?)\b|\b(?:odds|chances?)\s+of\s+(?:approval|being approved)\b",
    r"\bpre-?(?:approved|qualified|selected)\b",
    r"\byou\s+(?:\w+\s+)?qualify\b",
    r"\b(?:special|exclusive|matched|personali[sz]ed|recommended|best|latest)\s+(?:offers?|cards?|loans?|rates?)\b",
    r"\boffers?\s+(?:for|matched to)\s+you\b|\bapply\s+now\b",
    r"\bremove\s+(?:\w+\s+){0,2}(?:negative|bad|late|derogatory)\b",
)
FORBIDDEN = re.compile("|".join(PROMISES), re.IGNORECASE)

# Sentences that the patterns must find, and sentences that they must accept.
FORBIDDEN_SENTENCES = (
    "Improve your credit score in weeks",
    "We help you boost your score.",
    "Credit repair made easy",
    "Fix my credit",
    "Raise your FICO score",
    "ways to raise your credit",
    "Rebuilding bad credit",
    "This helps your score",
    "for a higher credit score",
    "Your score could go up",
    "Gain up to 40 points",
    "Approval odds: 90 %",
    "Your chances of approval are good",
    "You are pre-approved",
    "You may qualify for it",
    "Exclusive offers",
    "Cards and offers for you",
    "Remove negative items",
    "clean up your credit",
)
ALLOWED_SENTENCES = (
    "It is not sold, not used for offers or advertising.",
    "A soft inquiry does not affect your credit scores.",
    "VantageScore 4.0 went up by 12 points",
    "Lift the freeze at Experian, then try again.",
    "A mistake in your file can be corrected at the bureau.",
    "There is no predicted score here, and no offer.",
    "The last late payment is recent",
)


def find_promises(text: str) -> list[str]:
    """The forbidden promises in a text."""
    return [match.group() for match in FORBIDDEN.finditer(" ".join(text.split()))]


@pytest.mark.parametrize("sentence", FORBIDDEN_SENTENCES)
def test_it_finds_a_promise(sentence: str) -> None:
    assert find_promises(f"Before. {sentence} After.")


@pytest.mark.parametrize("sentence", ALLOWED_SENTENCES)
def test_it_accepts_other_sentences(sentence: str) -> None:
    assert find_promises(sentence) == []


# --- Source text ------------------------------------------------------------------------------------------


def find_files_with_promises(texts: Iterator[tuple[Path, str]]) -> dict[str, list[str]]:
    """The files that contain a promise, with their promises."""
    promises_by_file: dict[str, list[str]] = {}
    for path, text in texts:
        if promises := find_promises(text):
            promises_by_file.setdefault(str(path.relative_to(settings.BASE_DIR)), []).extend(promises)
    return promises_by_file


def read_files(folder: str, *patterns: str) -> Iterator[tuple[Path, str]]:
    for pattern in patterns:
        for path in sorted((settings.BASE_DIR / folder).rglob(pattern)):
            yield path, path.read_text()


def read_strings(app: str) -> Iterator[tuple[Path, str]]:
    """Yield every string in an app's code that a user may read, without those of tests and docstrings."""
    for path, source in read_files(app, "*.py"):
        if "tests" not in path.parts:
            tree = ast.parse(source)
            unread = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unread:
                    yield path, node.value


def test_it_reads_templates_and_code() -> None:
    assert sum(1 for _ in read_files("templates", "*.html", "*.txt")) > 100
    assert "soft inquiry" in " ".join(text for _, text in read_strings("credit"))


def test_it_promises_nothing_in_templates_and_mails() -> None:
    assert find_files_with_promises(read_files("templates", "*.html", "*.txt")) == {}


@pytest.mark.parametrize("app", APPS)
def test_it_promises_nothing_in_the_strings_of_code(app: str) -> None:
    assert find_files_with_promises(read_strings(app)) == {}


def test_it_promises_nothing_in_documents() -> None:
    readme = settings.BASE_DIR / "README.md"
    assert find_files_with_promises(iter([*read_files("docs", "*.md"), (readme, readme.read_text())])) == {}


# --- Rendered pages ---------------------------------------------------------------------------------------

PAGES = (
    "credit", "credit_history", "credit_utilization", "credit_accounts", "credit_inquiries", "credit_records",
    "credit_personal", "credit_changes", "credit_rights", "credit_start", "credit_details", "credit_identity_check",
    "credit_withdraw", "overview", "help",
)  # fmt: skip


def read_page(client: Client, name: str) -> str:
    page = client.get(reverse(name), follow=True)
    assert page.status_code == 200
    return visible_text(page)


@pytest.mark.django_db
@pytest.mark.parametrize("persona", ["P01", "P03", "P04", "P05", "P06", "P10"])
def test_it_promises_nothing_on_the_pages(as_alice: Client, site_bureau: Bureau, persona: str) -> None:
    enroll_through_pages(as_alice, persona)
    assert {name: promises for name in PAGES if (promises := find_promises(read_page(as_alice, name)))} == {}


@pytest.mark.django_db
def test_it_finds_a_promise_on_a_page(as_alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    promise = STATUS_MESSAGES[EnrollmentStatus.NO_CONSENT]._replace(title="Improve your credit")
    monkeypatch.setattr("credit.views.pulling.STATUS_MESSAGES", {EnrollmentStatus.NO_CONSENT: promise})
    assert "Improve your credit" in find_promises(read_page(as_alice, "credit"))
