"""The published legal texts: their structure, which version is in force, and that none changes after publication."""

from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from compliance.consent import ConsentText, Purpose, legal_texts
from compliance.consent.legal_texts import (
    SECURITY_OVERVIEW,
    Block,
    Section,
    current_consent_text,
    current_version,
    find_version,
    list_versions,
    parse_sections,
    read_documents,
)

# Computed with sha256sum. A published text is evidence of what people agreed to: add a line, and never change one.
PUBLISHED = """
1ab02cfa6b826f65d740f9d246d88b991de40dd306d02c869057183a4de98862 analytics/2026-11-30.txt
f2dedb3b1c606c93566a850ab8fc3ef62432788747063a7a274bcd42a366adcf bank_data/2026-11-30.txt
365d3c1f08d8d852aecd8c8b881ef39d57c86a8801d66e326177b0db3abf7ea6 bank_data/2026-12-01.txt
52aa06c45a5bc833e5cb81dfc5789a18b3317a939477f35024387aef7e1c8887 do_not_sell/2026-11-30.txt
735b202eced4de5f9bba3fa0d698c453fd18a28a0dc38aa1e557667ded33ced1 marketing/2026-11-30.txt
b7ca67ec1cb386f33e615b869fb24f46ebdc508a3c7aa495dc27b9787cfdaf4b privacy_notice/2026-11-30.txt
a5d5b8f9eb0a9e904e20dde3860b6975b6722fc25a0cf9341d61b486d0cda67d privacy_notice/2026-12-01.txt
fe3a0a5f8d2cccba8ac45287b44f50c928ef2c911ebdadac4938c49f6511ecf2 security_overview/2026-11-30.txt
19d2cd5135a8e85d7e1cf38651a0f7a821403824ade47fe710ef92816da326ee security_overview/2026-12-01.txt
9522cb494bc3c61a55b0295f5234ea09ed5fd82037b5a24f97a2ff70bf36eb1d terms/2026-11-30.txt
"""
DOCUMENTS = ("terms", "privacy_notice", "security_overview", "bank_data", "analytics", "marketing", "do_not_sell")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of texts of its own."""
    monkeypatch.setattr(legal_texts, "FOLDER", tmp_path)
    read_documents.cache_clear()
    yield tmp_path
    read_documents.cache_clear()


def publish(folder: Path, version: str, text: str = "Terms\n") -> None:
    (folder / "terms").mkdir(exist_ok=True)
    (folder / "terms" / f"{version}.txt").write_text(text)


def test_it_changes_no_published_text() -> None:
    texts = (path for path in legal_texts.FOLDER.rglob("*") if path.is_file())
    fingerprints = {f"{sha256(path.read_bytes()).hexdigest()} {path.relative_to(legal_texts.FOLDER)}" for path in texts}
    assert fingerprints == set(PUBLISHED.strip().splitlines())


def test_the_privacy_notice_says_what_stays_if_a_token_cannot_be_decrypted() -> None:
    text = " ".join(current_version(Purpose.PRIVACY_NOTICE).text.split())
    assert "If that token cannot be decrypted, the connection's id at Plaid stays instead, with no end date" in text


@pytest.mark.parametrize("document", DOCUMENTS)
def test_it_publishes_every_document_with_a_title_and_paragraphs(document: str) -> None:
    for text in list_versions(document):
        assert text.title
        assert text.published_on <= date.today()  # noqa: DTZ011  (the day of a person, not of a server)
        assert text.sections
        assert all(section.blocks for section in text.sections)


def test_it_has_a_text_for_every_purpose_but_the_signed_one() -> None:
    assert set(DOCUMENTS) == {*Purpose, SECURITY_OVERVIEW} - {Purpose.CREDIT_REPORT}


def test_it_stores_the_exact_text_of_the_file() -> None:
    text = current_consent_text(Purpose.TERMS)
    path = legal_texts.FOLDER / "terms" / f"{text.version}.txt"
    assert text == ConsentText(Purpose.TERMS, path.stem, path.read_text())
    assert text.sha256 == sha256(path.read_bytes()).hexdigest()


def test_it_fills_in_the_name_of_the_provider() -> None:
    text = current_consent_text(Purpose.BANK_DATA, provider="Plaid {provider}")
    assert "through Plaid {provider}:" in " ".join(text.text.split())
    with pytest.raises(KeyError):
        current_consent_text(Purpose.BANK_DATA)


def test_it_puts_the_newest_version_in_force(folder: Path) -> None:
    for version in ("2026-11-30.2", "2026-11-30", "2026-11-30.10", "2026-02-28"):
        publish(folder, version)
    versions = [text.version for text in list_versions("terms")]
    assert versions == ["2026-11-30.10", "2026-11-30.2", "2026-11-30", "2026-02-28"]
    assert current_version("terms").version == "2026-11-30.10"
    assert current_version("terms").published_on == date(2026, 11, 30)


def test_it_finds_only_published_versions(folder: Path) -> None:
    publish(folder, "2026-11-30")
    assert find_version("terms", "2026-11-30").text == "Terms\n"
    assert find_version("terms", "2026-11-29") is None
    assert find_version("terms", "../terms/2026-11-30") is None
    assert find_version("nothing", "2026-11-30") is None
    (folder / "outside.txt").write_text("Outside\n")
    assert find_version("terms/..", "outside") is None
    assert find_version(".", "outside") is None
    with pytest.raises(LookupError):
        current_version("nothing")


def test_it_parses_headings_lists_and_paragraphs() -> None:
    text = "\n\nFirst\nline.\n\n## One\n\nSecond.\n\n- a\n  b\n- c\n\n## Two\n\n"
    assert parse_sections(text) == (
        Section("", (Block(is_list=False, texts=("First line.",)),)),
        Section("One", (Block(is_list=False, texts=("Second.",)), Block(is_list=True, texts=("a b", "c")))),
        Section("Two", ()),
    )
    assert parse_sections("") == ()
