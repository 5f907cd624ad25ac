"""The pages of legal texts and of consents, also after a text has changed."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.privacy.consents import DESCRIPTIONS
from accounts.tests.conftest import NEW_VERSION, NEW_WORDS
from accounts.tests.pages import CONSENTS, DO_NOT_SELL, OPT_OUT, list_kinds
from compliance.consent import Purpose, get_active_consent, grant, legal_texts, list_consent_events
from compliance.consent.consent_text import ConsentText
from compliance.consent.legal_texts import current_consent_text, current_version, list_versions, read_documents
from compliance.vault.data_keys import clear_cache, shred
from ui.tests.page_text import page_text, visible_text

pytestmark = pytest.mark.django_db(transaction=True)


def agree_to(purpose: str) -> dict[str, str]:
    """What the button on the page of consents sends."""
    return {"action": "agree", "version": current_version(purpose).version}


# --- Legal texts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "document"),
    [("/terms/", "terms"), ("/privacy/policy/", "privacy_notice"), ("/security-overview/", "security_overview")],
)
def test_it_shows_a_text_without_an_account(anonymous: Client, url: str, document: str) -> None:
    text = list_versions(document)[0]
    response = anonymous.get(url)
    page = page_text(response)
    assert response.status_code == 200
    assert text.title in page
    assert f"Version {text.version}, published" in page
    for number, section in enumerate(text.sections, start=1):
        for block in section.blocks:
            assert all(paragraph in page for paragraph in block.texts)
        if section.heading:
            assert f'href="#section-{number}"' in response.content.decode()
            assert f'id="section-{number}"' in response.content.decode()


def test_it_links_the_texts_from_every_page(anonymous: Client, as_alice: Client) -> None:
    for page in (anonymous.get("/"), anonymous.get(reverse("account_signup")), as_alice.get(CONSENTS)):
        for url in ("/terms/", "/privacy/policy/", "/security-overview/", DO_NOT_SELL):
            assert f'<a href="{url}"' in page.content.decode()


def test_it_shows_earlier_versions(anonymous: Client, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "terms").mkdir()
    (tmp_path / "terms" / "2026-11-30.txt").write_text("Terms\n\nOld words.\n")
    (tmp_path / "terms" / "2026-12-01.txt").write_text("Terms\n\nNew <b>words</b>.\n")
    monkeypatch.setattr(legal_texts, "FOLDER", tmp_path)
    read_documents.cache_clear()
    try:
        current, earlier = anonymous.get("/terms/"), anonymous.get("/legal/terms/2026-11-30/")
    finally:
        read_documents.cache_clear()
    assert "New &lt;b&gt;words" in current.content.decode()
    assert "/legal/terms/2026-11-30/" in current.content.decode()
    assert "Old words." in page_text(earlier)
    assert "This is an earlier version." in page_text(earlier)
    assert "This is an earlier version." not in page_text(current)


@pytest.mark.parametrize(
    "path",
    [
        "terms/2026-01-01",
        "terms/..",
        "nothing/2026-11-30",
        "terms/%00",
        "../requirements",
        "%2e%2e/requirements",
        "%00/1",
    ],
)
def test_it_finds_no_other_text(anonymous: Client, path: str) -> None:
    assert anonymous.get(f"/legal/{path}/").status_code in (400, 404)


# --- The page of consents ---------------------------------------------------------------------------------


def test_it_shows_every_purpose_with_its_state(as_alice: Client, alice: User) -> None:
    expired = ConsentText(Purpose.CREDIT_REPORT, "1", "Signed.")
    grant(user=alice, consent_text=expired, valid_for=timedelta(microseconds=1))
    page = visible_text(as_alice.get(CONSENTS))
    for sentence in (
        "Terms of service Active",
        "Privacy notice Active",
        "Bank data Active",
        "Credit reports Expired",
        "Marketing email Not given",
        "Analytics Not given",
        "Do not sell or share Not given",
        "You can't withdraw this and keep using the site. To end it, delete your account.",
        "Nothing uses this yet: we send no such email today.",
    ):
        assert sentence in page


def test_it_agrees_and_withdraws_at_once(as_alice: Client, alice: User) -> None:
    for purpose in (Purpose.MARKETING, Purpose.ANALYTICS):
        url = f"{CONSENTS}{purpose}/change/"
        assert as_alice.post(url, agree_to(purpose)).url == CONSENTS
        assert get_active_consent(user_id=alice.pk, purpose=purpose).text == current_consent_text(purpose).text
        assert as_alice.post(url, {"action": "withdraw"}).url == CONSENTS
        assert get_active_consent(user_id=alice.pk, purpose=purpose) is None
        as_alice.post(url, {"action": "withdraw"})
        assert list_kinds(alice, purpose) == [("granted", "web"), ("withdrawn", "web")]
        assert "History: 2 entries" in page_text(as_alice.get(CONSENTS))


@pytest.mark.parametrize("version", ["2020-01-01", "", "x" * 5000])
def test_it_records_no_consent_to_a_version_that_was_not_shown(as_alice: Client, alice: User, version: str) -> None:
    page = as_alice.post(f"{CONSENTS}marketing/change/", agree_to("marketing") | {"version": version})
    assert (page.status_code, "This text has changed." in page_text(page)) == (422, True)
    assert f'name="version" value="{current_version("marketing").version}"' in page.content.decode()
    page = as_alice.post(DO_NOT_SELL, OPT_OUT | {"version": version})
    assert (page.status_code, "This text has changed." in page_text(page)) == (422, True)
    assert f'name="version" value="{current_version("do_not_sell").version}"' in page.content.decode()
    assert list_kinds(alice, Purpose.MARKETING) == list_kinds(alice, Purpose.DO_NOT_SELL) == []


@pytest.mark.usefixtures("own_cache")
def test_it_limits_how_often_a_consent_changes(as_alice: Client, alice: User) -> None:
    choices = [agree_to("marketing"), {"action": "withdraw"}] * 16
    statuses = [as_alice.post(f"{CONSENTS}marketing/change/", choice).status_code for choice in choices]
    assert statuses == [302] * 30 + [429] * 2
    assert len(list_kinds(alice, Purpose.MARKETING)) == 30


def test_it_records_the_same_agreement_once(as_alice: Client, alice: User) -> None:
    grant(user=alice, consent_text=ConsentText(Purpose.MARKETING, "2020-01-01", "Older words."))
    for _ in range(3):
        assert as_alice.post(f"{CONSENTS}marketing/change/", agree_to("marketing")).url == CONSENTS
    versions = [event.version for event in list_consent_events(user_id=alice.pk, purpose=Purpose.MARKETING)]
    assert versions == [current_version("marketing").version, "2020-01-01"]


@pytest.mark.parametrize("purpose", ["terms", "privacy_notice", "bank_data", "credit_report", "do_not_sell", "junk"])
@pytest.mark.parametrize("action", ["agree", "withdraw"])
def test_it_changes_no_other_consent_by_a_button(as_alice: Client, alice: User, purpose: str, action: str) -> None:
    before = list_consent_events(user_id=alice.pk)
    assert as_alice.post(f"{CONSENTS}{purpose}/change/", {"action": action}).status_code == 404
    assert list_consent_events(user_id=alice.pk) == before


def test_it_links_to_pages_that_exist(as_alice: Client) -> None:
    page = as_alice.get(CONSENTS).content.decode()
    assert reverse("withdraw_bank_data") in page
    assert reverse("credit_start") in page
    assert DO_NOT_SELL in page


def test_it_hides_credit_reports_where_they_are_off(as_alice: Client, settings) -> None:
    settings.CREDIT_ENV = "off"
    assert "Credit reports" not in page_text(as_alice.get(CONSENTS))


def test_it_shows_the_exact_text_of_a_consent(as_alice: Client, as_mallory: Client, alice: User) -> None:
    as_alice.post(f"{CONSENTS}marketing/change/", agree_to("marketing"), REMOTE_ADDR="192.0.2.5")
    as_alice.post(f"{CONSENTS}marketing/change/", {"action": "withdraw"})
    withdrawal, consent = list_consent_events(user_id=alice.pk, purpose=Purpose.MARKETING)
    page = page_text(as_alice.get(f"{CONSENTS}{consent.pk}/"))
    for text in ("I agree that the administrator of this site may email me", consent.sha256, "192.0.2.5"):
        assert text in page
    for client, event_id in ((as_alice, withdrawal.pk), (as_alice, uuid4()), (as_mallory, consent.pk)):
        assert client.get(f"{CONSENTS}{event_id}/").status_code == 404


def test_it_shows_a_text_whose_request_cannot_be_decrypted(as_alice: Client, alice: User) -> None:
    as_alice.post(f"{CONSENTS}marketing/change/", agree_to("marketing"), REMOTE_ADDR="192.0.2.5")
    (consent,) = list_consent_events(user_id=alice.pk, purpose=Purpose.MARKETING)
    shred(alice.pk)
    clear_cache()
    page = visible_text(as_alice.get(f"{CONSENTS}{consent.pk}/"))
    assert "192.0.2.5" not in page
    assert "IP address Not available" in page


# --- A changed text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", [Purpose.MARKETING, Purpose.ANALYTICS])
def test_it_shows_a_changed_text_with_both_choices(
    as_alice: Client, alice: User, purpose: Purpose, publish_new_version: Callable[[str], None]
) -> None:
    url = f"{CONSENTS}{purpose}/change/"
    as_alice.post(url, agree_to(purpose))
    assert "This text has changed." not in page_text(as_alice.get(CONSENTS))
    publish_new_version(purpose)
    page = visible_text(as_alice.get(CONSENTS))
    for sentence in (
        "This text has changed. Until you agree to the new version, the version that you agreed to applies.",
        NEW_WORDS,
        f"Agree: {DESCRIPTIONS[purpose].title}",
        f"Withdraw: {DESCRIPTIONS[purpose].title}",
    ):
        assert sentence in page
    earlier = list_versions(purpose)[1].version
    assert as_alice.post(url, {"action": "agree", "version": earlier}).status_code == 422
    assert get_active_consent(user_id=alice.pk, purpose=purpose).version == earlier
    as_alice.post(url, agree_to(purpose))
    assert get_active_consent(user_id=alice.pk, purpose=purpose).version == NEW_VERSION
    page = visible_text(as_alice.get(CONSENTS))
    assert (NEW_WORDS in page, f"Agree: {DESCRIPTIONS[purpose].title}" in page) == (False, False)


def test_it_withdraws_from_a_changed_text(
    as_alice: Client, alice: User, publish_new_version: Callable[[str], None]
) -> None:
    as_alice.post(f"{CONSENTS}marketing/change/", agree_to("marketing"))
    publish_new_version("marketing")
    as_alice.post(f"{CONSENTS}marketing/change/", {"action": "withdraw"})
    assert get_active_consent(user_id=alice.pk, purpose=Purpose.MARKETING) is None
    page = as_alice.get(CONSENTS).content.decode()
    assert "This text has changed." not in page
    assert reverse("legal_text", args=["marketing", NEW_VERSION]) in page


def test_it_says_that_banks_sync_on_under_the_text_that_was_agreed_to(
    as_alice: Client, alice: User, publish_new_version: Callable[[str], None]
) -> None:
    publish_new_version("bank_data")
    page = as_alice.get(CONSENTS)
    assert (
        "This text has changed. Your banks keep syncing under the version that you agreed to. We ask you to agree to "
        "the new version before you connect or reconnect a bank."
    ) in visible_text(page)
    assert NEW_WORDS in visible_text(page)
    for name in ("connect", "withdraw_bank_data"):
        assert f'href="{reverse(name)}"' in page.content.decode()


def test_it_says_that_no_reports_are_requested_under_an_earlier_authorization(as_alice: Client, alice: User) -> None:
    earlier = ConsentText(Purpose.CREDIT_REPORT, "2020-01", "Signed.")
    grant(user=alice, consent_text=earlier, valid_for=timedelta(days=365))
    page = as_alice.get(CONSENTS)
    sentence = "This text has changed. We request no more credit reports until you sign the new version."
    assert sentence in visible_text(page)
    for name in ("credit_start", "credit_withdraw"):
        assert f'href="{reverse(name)}"' in page.content.decode()
