"""Agreeing to the terms and the privacy notice: at sign-up, and again after a text has changed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.agreements import required_texts
from accounts.agreements.forms import AgreementForm
from accounts.agreements.required_texts import ELIGIBILITY, STATEMENT
from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import AGREED, is_signed_in, page_without_tokens, sign_in, sign_up
from compliance.consent import ConsentEvent, Purpose, grant, legal_texts, list_consent_events, withdraw
from compliance.consent.legal_texts import current_consent_text, current_version, read_documents
from compliance.isolation import tenant
from conftest import make_signed_in_client
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "new@example.com"
AGREE_URL = "/privacy/agree/"
NEW_VERSION = "2026-12-24"
Publish = Callable[[str], None]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publish]:
    """A function that publishes a new version of a document, in a copy of the folder of all texts."""
    copytree(legal_texts.FOLDER, tmp_path / "legal")
    monkeypatch.setattr(legal_texts, "FOLDER", tmp_path / "legal")
    read_documents.cache_clear()

    def add_version(document: str) -> None:
        (tmp_path / "legal" / document / f"{NEW_VERSION}.txt").write_text("New words\n\nRead them.\n")
        read_documents.cache_clear()

    yield add_version
    read_documents.cache_clear()


def list_consents(user: User) -> list[ConsentEvent]:
    """All events of a user, the oldest first."""
    return list_consent_events(user_id=user.pk)[::-1]


# --- Signing up -------------------------------------------------------------------------------------------


def test_it_checks_no_box_beforehand(anonymous: Client) -> None:
    page = anonymous.get(reverse("account_signup")).content.decode()
    assert page.count('type="checkbox"') == 5
    assert "checked" not in page
    assert f"/legal/terms/{current_version('terms').version}/" in page


def test_it_records_what_a_new_user_agreed_to(anonymous: Client) -> None:
    anonymous.defaults |= {"REMOTE_ADDR": "192.0.2.9", "HTTP_USER_AGENT": "Firefox"}
    sign_up(anonymous, EMAIL, PASSWORD)
    user = User.objects.get()
    terms, notice = list_consents(user)
    for event, purpose in ((terms, Purpose.TERMS), (notice, Purpose.PRIVACY_NOTICE)):
        published = current_version(purpose)
        assert (event.kind, event.purpose, event.version) == ("granted", purpose, published.version)
        assert (event.text, event.sha256) == (published.text, current_consent_text(purpose).sha256)
        assert (event.locale, event.method, event.expires_at, event.signature) == ("en-us", "web", None, None)
        with tenant(user.pk):
            assert event.request_details() == {"ip": "192.0.2.9", "user_agent": "Firefox"}
    assert (terms.scope, notice.scope) == ({"eligibility": "I am 18 or older, and I live in the United States."}, {})


def test_it_records_optional_consents_only_for_checked_boxes() -> None:
    for name in ("marketing", "analytics"):
        sign_up(Client(), f"{name}@example.com", PASSWORD, **{name: current_version(name).version})
        user = User.objects.get(email=f"{name}@example.com")
        assert [event.purpose for event in list_consents(user)] == ["terms", "privacy_notice", name]


@pytest.mark.parametrize("name", AGREED)
def test_it_creates_nobody_without_a_required_box(anonymous: Client, alice: User, name: str) -> None:
    pages = []
    for email in (EMAIL, alice.email):
        fields = {"email": email, "password1": PASSWORD, **AGREED}
        del fields[name]
        response = anonymous.post(reverse("account_signup"), fields)
        assert "Check the box to continue." in page_text(response)
        pages.append(page_without_tokens(response).replace(email, "X"))
    assert User.objects.count() == 1
    assert pages[0] == pages[1]


def test_it_records_no_consent_of_a_known_address(alice: User, trail: Callable[[UUID], list[str]]) -> None:
    before = list_consents(alice)
    sign_up(Client(), alice.email, "another long password", marketing=current_version("marketing").version)
    assert list_consents(alice) == before
    assert trail(alice.pk) == ["security_alert"]


def test_it_does_the_same_work_for_a_known_address(alice: User) -> None:
    """As many rows are written for the ledger, although those of a known address are rolled back."""

    options = {name: current_version(name).version for name in ("analytics", "marketing")}

    def count_inserts(email: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            sign_up(Client(), email, PASSWORD, **options)
        return sum("INSERT" in query["sql"] and "consentevent" in query["sql"] for query in queries)

    assert count_inserts(EMAIL) == count_inserts(alice.email) == 4


def test_it_keeps_no_consent_if_the_sign_up_fails(anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ids: list[UUID] = []

    def fail(*, user: User, optional: object) -> None:
        grant(user=user, consent_text=current_consent_text(Purpose.TERMS))
        ids.append(user.pk)
        raise RuntimeError

    monkeypatch.setattr(required_texts, "agree_at_sign_up", fail)
    with pytest.raises(RuntimeError):
        sign_up(anonymous, EMAIL, PASSWORD)
    assert not User.objects.exists()
    assert list_consent_events(user_id=ids[0]) == []


# --- A changed text ---------------------------------------------------------------------------------------


def test_it_asks_again_for_a_changed_text_in_an_open_session(alice: User, publish: Publish) -> None:
    client = make_signed_in_client(alice)
    assert is_signed_in(client)
    publish("terms")
    response = client.get("/transactions/?q=rent")
    assert response.url == f"{AGREE_URL}?next=%2Ftransactions%2F%3Fq%3Drent"
    page = client.get(response.url)
    assert "A text has changed since you agreed to it." in page_text(page)
    assert page.content.decode().count('type="checkbox"') == 1
    refused = client.post(AGREE_URL, {"next": "/transactions/?q=rent"})
    assert (refused.status_code, "Check the box to continue." in page_text(refused)) == (422, True)
    assert not is_signed_in(client)
    assert (
        client.post(AGREE_URL, {"next": "/transactions/?q=rent", "terms": NEW_VERSION}).url == "/transactions/?q=rent"
    )
    assert is_signed_in(client)
    last = list_consents(alice)[-1]
    assert (last.purpose, last.version, last.scope) == ("terms", NEW_VERSION, {ELIGIBILITY: STATEMENT})


def test_it_records_no_agreement_to_a_version_that_was_not_shown(alice: User, publish: Publish) -> None:
    """A page that was open when another version was published, or one without a version."""
    before = list_consents(alice)
    publish("terms")
    client = make_signed_in_client(alice)
    for version in (current_version("privacy_notice").version, "on", "2099-01-01"):
        page = client.post(AGREE_URL, {"terms": version})
        assert (page.status_code, "This text has changed." in page_text(page)) == (422, True)
        assert f'value="{NEW_VERSION}"' in page.content.decode()
        assert "checked" not in page.content.decode()
    assert list_consents(alice) == before
    assert not is_signed_in(client)


@pytest.mark.parametrize("name", ["terms", "privacy_notice", "marketing", "analytics"])
def test_it_creates_nobody_who_agreed_to_a_version_that_is_not_in_force(
    anonymous: Client, alice: User, publish: Publish, name: str
) -> None:
    fields = {"password1": PASSWORD, **AGREED, name: current_version(name).version}
    publish(name)
    pages = []
    for email in (EMAIL, alice.email):
        page = anonymous.post(reverse("account_signup"), {"email": email, **fields})
        assert "This text has changed. Read the new version, then agree to it." in page_text(page)
        pages.append(page_without_tokens(page).replace(email, "X"))
    assert pages[0] == pages[1]
    assert User.objects.count() == 1


def test_it_asks_again_at_the_next_sign_in(anonymous: Client, alice: User, publish: Publish) -> None:
    publish("privacy_notice")
    sign_in(anonymous, alice.email, PASSWORD)
    assert anonymous.get(reverse("overview")).url.startswith(AGREE_URL)
    anonymous.post(AGREE_URL, {"privacy_notice": NEW_VERSION})
    assert is_signed_in(anonymous)
    other_client = Client()
    sign_in(other_client, alice.email, PASSWORD)
    assert is_signed_in(other_client)


def test_it_accepts_in_one_session_what_was_agreed_to_in_another(alice: User, publish: Publish) -> None:
    first, second = make_signed_in_client(alice), make_signed_in_client(alice)
    publish("terms")
    assert not is_signed_in(first)
    assert not is_signed_in(second)
    first.post(AGREE_URL, {"terms": NEW_VERSION})
    assert is_signed_in(second)


def test_it_asks_a_user_who_never_agreed_for_everything(anonymous: Client) -> None:
    user = User.objects.create_superuser("root@example.com", PASSWORD)
    client = make_signed_in_client(user)
    assert client.get(AGREE_URL).status_code == 200
    page = page_text(client.get(AGREE_URL))
    assert "Before you use Plumbline, read these texts and agree to them." in page
    assert client.post(AGREE_URL, {**AGREED, "eligibility": ""}).status_code == 422
    assert list_consents(user) == []
    assert client.post(AGREE_URL, AGREED).url == reverse("overview")
    assert [event.purpose for event in list_consents(user)] == ["terms", "privacy_notice"]


def test_it_asks_for_a_statement_that_is_missing(alice: User) -> None:
    grant(user=alice, consent_text=current_consent_text(Purpose.TERMS))
    assert required_texts.list_missing(user_id=alice.pk) == (ELIGIBILITY,)
    required_texts.agree(user=alice, missing=(ELIGIBILITY,))
    assert required_texts.list_missing(user_id=alice.pk) == ()
    assert list_consents(alice)[-1].scope == {ELIGIBILITY: STATEMENT}


def test_it_asks_after_a_withdrawal(alice: User) -> None:
    withdraw(user=alice, purpose=Purpose.PRIVACY_NOTICE)
    assert required_texts.list_missing(user_id=alice.pk) == (Purpose.PRIVACY_NOTICE,)


def test_it_stores_the_statement_of_the_box() -> None:
    assert AgreementForm.base_fields[ELIGIBILITY].label == STATEMENT


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/accounts/security/", "/accounts/security/"),
        ("https://evil.example/", "/overview/"),
        ("//evil.example/", "/overview/"),
        ("overview", "overview"),
        ("javascript:alert(1)", "/overview/"),
        ("", "/overview/"),
    ],
)
def test_it_goes_on_only_to_pages_of_this_site(alice: User, publish: Publish, target: str, expected: str) -> None:
    publish("terms")
    client = make_signed_in_client(alice)
    assert client.post(AGREE_URL, {"terms": NEW_VERSION, "next": target}).url == expected


def test_it_lets_users_read_leave_and_get_help_before_they_agree(alice: User, publish: Publish) -> None:
    publish("terms")
    client = make_signed_in_client(alice)
    for url in ("/terms/", "/privacy/policy/", "/security-overview/", "/privacy/do-not-sell/", "/help/"):
        assert client.get(url).status_code == 200
    assert client.get(f"/legal/terms/{current_version('terms').version}/").status_code == 200
    assert client.get("/health/live").status_code == 200
    assert client.post(reverse("account_logout")).url == "/"
    assert not is_signed_in(client)


def test_it_does_nothing_that_was_posted_before_the_agreement(alice: User, publish: Publish) -> None:
    publish("terms")
    client, other_client = make_signed_in_client(alice), make_signed_in_client(alice)
    assert client.post(reverse("end_other_sessions")).url == AGREE_URL
    other_client.post(AGREE_URL, {"terms": NEW_VERSION})
    assert is_signed_in(other_client)


def test_it_redirects_the_whole_page_if_htmx_requests_a_part(alice: User, publish: Publish) -> None:
    publish("terms")
    response = make_signed_in_client(alice).get(reverse("sync_status"), headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == AGREE_URL


def test_it_needs_no_query_while_the_texts_stay_the_same(alice: User) -> None:
    client = make_signed_in_client(alice)
    with CaptureQueriesContext(connection) as queries:
        assert is_signed_in(client)
    assert [query["sql"] for query in queries if "consentevent" in query["sql"]] == []
