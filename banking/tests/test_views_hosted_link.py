"""Linking on the provider's own pages, through the site's pages, with a scripted provider."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.linking.consent_withdrawal import withdraw_bank_data
from banking.linking.sessions import open_link
from banking.linking.update_mode import open_update_mode
from banking.models import Connection, Item, LinkSession
from banking.provider import LinkExit, ProviderError, PublicTokenRefused, RateLimited, Unavailable
from banking.tests.factories import make_account, update_item
from banking.tests.job_queue import queued_jobs
from banking.tests.link_dialog import AGREED, list_items, make_failing_call, reload_session
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, link_result
from compliance.isolation import tenant
from conftest import make_signed_in_client
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db

EXIT = LinkExit("INVALID_CREDENTIALS", "requires_credentials", "req-exit", "link-session-1")


def list_sessions(user: User) -> list[LinkSession]:
    with tenant(user.pk):
        return list(LinkSession.objects.for_user(user).select_related("item").order_by("created_at"))


def go_to_provider(client: Client, session: LinkSession) -> HttpResponse:
    return client.post(reverse("hosted_link", args=[session.pk]))


def come_back(client: Client, session: LinkSession) -> HttpResponse:
    return client.get(reverse("hosted_return", args=[session.pk]))


@pytest.fixture
def session(alice: User, as_alice: Client, provider: ScriptedProvider) -> LinkSession:
    """Alice's session on the provider's own pages, which she has not finished. Its link token is link-sandbox-2."""
    provider.link_results = {}
    go_to_provider(as_alice, open_link(user=alice).session)
    return list_sessions(alice)[-1]


@pytest.fixture
def finish_pages(provider: ScriptedProvider) -> Callable[..., None]:
    """End the pages with a bank for each public token."""

    def finish(*tokens: str, institution_id: str = "ins_1", **fields: object) -> None:
        results = [link_result(token, institution_id=institution_id, name="Platypus", **fields) for token in tokens]
        provider.link_results = {"link-sandbox-2": results}

    return finish


# --- Going there ------------------------------------------------------------------------------------------


def test_it_offers_the_way_on_the_page_that_opens_the_dialog(
    as_alice: Client, alice: User, provider: ScriptedProvider
) -> None:
    page = as_alice.post(reverse("connect"), AGREED).content.decode()
    (session,) = list_sessions(alice)
    without_scripts = page.split("<noscript>")[-1].split("</noscript>")[0]
    assert f'action="{reverse("hosted_link", args=[session.pk])}"' in without_scripts
    assert "JavaScript is off" in without_scripts


def test_it_leads_to_the_providers_page_and_back_to_the_new_session(
    as_alice: Client, alice: User, provider: ScriptedProvider
) -> None:
    page = go_to_provider(as_alice, open_link(user=alice).session)
    dialog, hosted = list_sessions(alice)
    assert page.status_code == 200
    assert '<meta http-equiv="refresh" content="0;url=https://secure.plaid.com/hl/2">' in page.content.decode()
    assert 'href="https://secure.plaid.com/hl/2"' in page.content.decode()
    assert provider.return_urls == [f"http://testserver{reverse('hosted_return', args=[hosted.pk])}"]
    assert (dialog.state, hosted.state) == (LinkSession.State.ABANDONED, LinkSession.State.OPEN)


@pytest.mark.parametrize("environment", ["embedded", "sandbox"])
def test_its_policy_allows_forms_to_this_site_alone(
    as_alice: Client, alice: User, provider: ScriptedProvider, settings, environment: str
) -> None:
    settings.PLAID_ENV = environment
    for page in (as_alice.post(reverse("connect"), AGREED), go_to_provider(as_alice, list_sessions(alice)[0])):
        assert page.status_code == 200
        assert "form-action 'self';" in page.headers["Content-Security-Policy"] + ";"


def test_it_says_so_if_the_provider_offers_no_pages(
    as_alice: Client, alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_link(user=alice).session
    create = provider.create_link_token
    monkeypatch.setattr(provider, "create_link_token", lambda **fields: create(**fields | {"return_url": ""}))
    response = go_to_provider(as_alice, session)
    assert response.status_code == 409
    assert "because of a problem on our end" in page_text(response)
    assert reload_session(alice, session).state == LinkSession.State.OPEN


def test_it_requires_the_second_factor_as_the_page_of_the_dialog_does(
    as_alice: Client, alice: User, provider: ScriptedProvider, settings, with_second_factor: Callable[..., Client]
) -> None:
    """A session that was opened before, perhaps in another browser, is no proof of it."""
    session = open_link(user=alice).session
    settings.REQUIRE_SECOND_FACTOR_TO_LINK = True
    assert go_to_provider(as_alice, session).url == reverse("security")
    assert (len(list_sessions(alice)), provider.return_urls) == (1, [])
    verified = with_second_factor(as_alice, alice)
    unverified = make_signed_in_client(alice)
    assert go_to_provider(unverified, session).url == f"{reverse('mfa_reauthenticate')}?next=%2Fconnect%2F"
    assert go_to_provider(verified, session).status_code == 200


def test_it_shows_an_error_if_the_provider_gives_no_token(
    as_alice: Client, alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_link(user=alice).session
    monkeypatch.setattr(provider, "create_link_token", make_failing_call(Unavailable("TIMEOUT")))
    assert go_to_provider(as_alice, session).status_code == 409
    assert len(list_sessions(alice)) == 1


def test_it_does_not_go_there_once_more_after_a_bank_was_connected(
    as_alice: Client, alice: User, session: LinkSession, finish_pages: Callable[..., None]
) -> None:
    finish_pages("public-sandbox-1")
    come_back(as_alice, session)
    assert go_to_provider(as_alice, session).status_code == 409
    assert len(list_sessions(alice)) == 2


# --- Coming back with a bank ------------------------------------------------------------------------------


def test_it_connects_the_bank_that_the_provider_names(
    as_alice: Client,
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    finish_pages: Callable[..., None],
) -> None:
    finish_pages("public-sandbox-1", accounts=[CHECKING])
    response = come_back(as_alice, session)
    (item,) = list_items(alice)
    assert (response.status_code, response.url) == (302, reverse("importing", args=[item.pk]))
    assert (item.institution_name, provider.exchanged_tokens) == ("Platypus", ["public-sandbox-1"])
    assert [job.arguments for job in queued_jobs(item.pk)] == [[str(alice.pk), str(item.pk), "link"]]
    linked = reload_session(alice, session)
    assert (linked.state, linked.item, linked.link_token) == (LinkSession.State.LINKED, item, None)
    assert linked.account_keys == [["Checking", "0000"]]


def test_it_exchanges_nothing_when_the_page_is_loaded_again(
    as_alice: Client,
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    finish_pages: Callable[..., None],
) -> None:
    finish_pages("public-sandbox-1")
    assert len({come_back(as_alice, session).url for _ in range(3)}) == 1
    assert (provider.exchanged_tokens, provider.link_result_calls) == (["public-sandbox-1"], 1)
    assert len(list_items(alice)) == 1


def test_it_connects_each_bank_if_the_pages_were_gone_through_twice(
    as_alice: Client,
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    finish_pages: Callable[..., None],
) -> None:
    finish_pages("public-sandbox-1", "public-sandbox-2")
    response = come_back(as_alice, session)
    assert (response.status_code, response.url) == (302, reverse("accounts"))
    assert {item.provider_item_id for item in list_items(alice)} == {"item-1", "item-2"}
    assert provider.exchanged_tokens == ["public-sandbox-1", "public-sandbox-2"]
    assert [bool(session.link_token_hash) for session in list_sessions(alice)] == [True, True, False]


def test_it_connects_no_more_banks_than_the_site_may_link(
    as_alice: Client,
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    finish_pages: Callable[..., None],
    settings,
) -> None:
    """The place was free when the link token was created; the pages can be gone through any number of times."""
    settings.PLAID_ITEM_CAP = 1
    finish_pages("public-sandbox-1", "public-sandbox-2", "public-sandbox-3")
    response = come_back(as_alice, session)
    (item,) = list_items(alice)
    assert (response.status_code, response.url) == (302, reverse("importing", args=[item.pk]))
    assert provider.exchanged_tokens == ["public-sandbox-1"]
    assert len(list_sessions(alice)) == 2


def test_it_connects_the_second_bank_although_the_first_is_connected_already(
    as_alice: Client, alice: User, item: Item, session: LinkSession, provider: ScriptedProvider
) -> None:
    make_account(item)
    known = link_result("public-sandbox-1", institution_id="ins_1", accounts=[CHECKING])
    provider.link_results = {"link-sandbox-2": [known, link_result("public-sandbox-2", institution_id="ins_2")]}
    for _ in range(2):
        response = come_back(as_alice, session)
        (second,) = (linked for linked in list_items(alice) if linked.pk != item.pk)
        assert (response.status_code, response.url) == (302, reverse("importing", args=[second.pk]))
    assert provider.exchanged_tokens == ["public-sandbox-2"]


def test_it_names_the_bank_that_is_connected_already_each_time(
    as_alice: Client,
    alice: User,
    item: Item,
    session: LinkSession,
    provider: ScriptedProvider,
    finish_pages: Callable[..., None],
) -> None:
    make_account(item)
    finish_pages("public-sandbox-1", accounts=[CHECKING])
    for _ in range(2):
        response = come_back(as_alice, session)
        assert (response.status_code, "is already connected" in page_text(response)) == (409, True)
    assert provider.exchanged_tokens == []
    assert reload_session(alice, session).state == LinkSession.State.DUPLICATE


def test_it_leaves_a_result_alone_that_another_process_exchanges(
    as_alice: Client,
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    finish_pages: Callable[..., None],
) -> None:
    finish_pages("public-sandbox-1")
    result = provider.link_results["link-sandbox-2"][0]
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(
            state=LinkSession.State.EXCHANGING, public_token_hash=result.digest, claimed_at=timezone.now()
        )
    response = come_back(as_alice, session)
    assert (response.status_code, provider.exchanged_tokens) == (200, [])
    assert "Waiting for Plaid" in page_text(response)
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(claimed_at=timezone.now() - timedelta(minutes=3))
    assert come_back(as_alice, session).status_code == 302
    assert provider.exchanged_tokens == ["public-sandbox-1"]


def test_it_connects_a_bank_although_the_link_token_has_expired(
    as_alice: Client, alice: User, session: LinkSession, finish_pages: Callable[..., None]
) -> None:
    """Hosted Link ends half an hour after its start, and the user may need a minute to come back."""
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    finish_pages("public-sandbox-1")
    assert come_back(as_alice, session).status_code == 302


def test_it_connects_nothing_after_the_consent_was_withdrawn(
    as_alice: Client,
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    finish_pages: Callable[..., None],
) -> None:
    withdraw_bank_data(user=alice, keep_history=True)
    finish_pages("public-sandbox-1")
    response = come_back(as_alice, session)
    assert (response.status_code, provider.exchanged_tokens) == (409, [])
    assert "withdrew" in page_text(response)


def test_it_connects_nothing_in_another_environment(
    as_alice: Client, session: LinkSession, provider: ScriptedProvider, finish_pages: Callable[..., None], settings
) -> None:
    finish_pages("public-sandbox-1")
    settings.PLAID_ENV = "sandbox"
    assert come_back(as_alice, session).status_code == 409
    assert (provider.link_result_calls, provider.exchanged_tokens) == (0, [])


def test_it_goes_on_after_an_outage(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider, finish_pages: Callable[..., None]
) -> None:
    finish_pages("public-sandbox-1")
    credential, provider.credential = provider.credential, RateLimited("RATE_LIMIT", scope="client")
    response = come_back(as_alice, session)
    assert (response.status_code, "Check again" in page_text(response)) == (200, True)
    provider.credential = credential
    assert come_back(as_alice, session).status_code == 302
    assert len(list_items(alice)) == 1


def test_it_says_that_the_token_was_refused(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider, finish_pages: Callable[..., None]
) -> None:
    finish_pages("public-sandbox-1")
    provider.credential = PublicTokenRefused("INVALID_PUBLIC_TOKEN", request_id="req-secret")
    for text in ("expired or was already used", "already finished"):
        response = come_back(as_alice, session)
        assert (response.status_code, text in page_text(response)) == (409, True)
    assert reload_session(alice, session).state == LinkSession.State.FAILED


# --- Coming back without a bank ---------------------------------------------------------------------------


def test_it_stores_how_the_user_left_the_pages_for_support(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    provider.link_exits = {"link-sandbox-2": [LinkExit(), EXIT]}
    response = come_back(as_alice, session)
    assert response.status_code == 200
    assert "couldn't finish. No bank was connected." in page_text(response)
    left = reload_session(alice, session)
    assert left.state == LinkSession.State.ABANDONED
    assert {name: getattr(left, name) for name in EXIT._fields} == EXIT._asdict()


def test_it_connects_the_bank_of_a_later_session_of_the_same_pages(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider, finish_pages: Callable[..., None]
) -> None:
    provider.link_exits = {"link-sandbox-2": [EXIT]}
    come_back(as_alice, session)
    finish_pages("public-sandbox-1")
    assert come_back(as_alice, session).status_code == 302
    assert reload_session(alice, session).state == LinkSession.State.LINKED


def test_it_waits_for_a_provider_that_has_no_result_yet(as_alice: Client, session: LinkSession) -> None:
    page = come_back(as_alice, session)
    assert page.status_code == 200
    assert "Waiting for Plaid" in page_text(page)
    assert '<meta http-equiv="refresh" content="5">' in page.content.decode()


def test_it_stops_waiting_when_the_pages_have_expired(as_alice: Client, alice: User, session: LinkSession) -> None:
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    page = come_back(as_alice, session)
    assert (page.status_code, "expired" in page_text(page)) == (409, True)


@pytest.mark.parametrize("error", [Unavailable("TIMEOUT"), RateLimited("RATE_LIMIT", scope="client")])
def test_it_waits_for_a_provider_that_does_not_answer(
    as_alice: Client,
    session: LinkSession,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    error: ProviderError,
) -> None:
    monkeypatch.setattr(provider, "get_link_results", make_failing_call(error))
    page = come_back(as_alice, session)
    assert (page.status_code, "Check again" in page_text(page)) == (200, True)
    assert error.code not in page_text(page)


# --- Other people -----------------------------------------------------------------------------------------


def test_it_responds_with_404_to_another_user(
    as_mallory: Client,
    mallory: User,
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    finish_pages: Callable[..., None],
) -> None:
    finish_pages("public-sandbox-1")
    calls = provider.link_result_calls
    assert (go_to_provider(as_mallory, session).status_code, come_back(as_mallory, session).status_code) == (404, 404)
    assert (provider.exchanged_tokens, provider.link_result_calls) == ([], calls)
    assert (list_sessions(mallory), list_items(mallory)) == ([], [])
    assert reload_session(alice, session).state == LinkSession.State.OPEN


def test_it_responds_with_404_for_an_unknown_session(as_alice: Client, provider: ScriptedProvider) -> None:
    unknown = LinkSession(pk=uuid4())
    assert (go_to_provider(as_alice, unknown).status_code, come_back(as_alice, unknown).status_code) == (404, 404)


def test_it_does_not_go_there_by_a_link(as_alice: Client, session: LinkSession) -> None:
    assert as_alice.get(reverse("hosted_link", args=[session.pk])).status_code == 405


# --- Banks that are connected -----------------------------------------------------------------------------


@pytest.fixture
def lost_item(item: Item, alice: User, provider: ScriptedProvider) -> Item:
    """Alice's bank, which requires a sign-in."""
    open_link(user=alice)  # The consent exists.
    provider.set_item_error("ITEM_LOGIN_REQUIRED")
    return update_item(item, connection=Connection.LOGIN_REQUIRED, error_code="ITEM_LOGIN_REQUIRED")


@pytest.fixture
def update_session(as_alice: Client, alice: User, lost_item: Item, provider: ScriptedProvider) -> LinkSession:
    """Alice's session in update mode on the provider's own pages. Its link token is link-sandbox-3."""
    provider.link_results = {}
    go_to_provider(as_alice, open_update_mode(user=alice, item_id=lost_item.pk).session)
    return list_sessions(alice)[-1]


def test_it_reconnects_a_bank(
    as_alice: Client, alice: User, lost_item: Item, update_session: LinkSession, provider: ScriptedProvider
) -> None:
    assert (update_session.item, update_session.is_update_mode) == (lost_item, True)
    provider.set_item_error("")
    provider.link_results = {"link-sandbox-3": [link_result("public-sandbox-1")]}
    for _ in range(2):
        assert come_back(as_alice, update_session).url == reverse("importing", args=[lost_item.pk])
    assert update_item(lost_item).connection == Connection.ACTIVE
    assert (provider.exchanged_tokens, provider.item_calls) == ([], 1)
    assert reload_session(alice, update_session).link_token is None


def test_it_does_not_believe_that_a_bank_was_reconnected(
    as_alice: Client, lost_item: Item, update_session: LinkSession, provider: ScriptedProvider
) -> None:
    provider.link_results = {"link-sandbox-3": [link_result("public-sandbox-1")]}
    response = come_back(as_alice, update_session)
    assert (response.status_code, "still needs you to sign in" in page_text(response)) == (409, True)
    assert update_item(lost_item).connection == Connection.LOGIN_REQUIRED


def test_it_sees_a_repair_although_the_user_left_the_pages(
    as_alice: Client, alice: User, lost_item: Item, update_session: LinkSession, provider: ScriptedProvider
) -> None:
    provider.set_item_error("")
    provider.link_exits = {"link-sandbox-3": [EXIT]}
    assert come_back(as_alice, update_session).url == reverse("importing", args=[lost_item.pk])
    assert update_item(lost_item).connection == Connection.ACTIVE
    assert reload_session(alice, update_session).link_session_id == "link-session-1"


def test_it_asks_for_accounts_where_the_dialog_would(
    as_alice: Client, alice: User, item: Item, provider: ScriptedProvider
) -> None:
    open_link(user=alice)
    provider.link_results = {}
    update_item(item, new_accounts_at=timezone.now())
    go_to_provider(as_alice, open_update_mode(user=alice, item_id=item.pk, selects_accounts=True).session)
    assert provider.account_selections == [True, True]
    session = list_sessions(alice)[-1]
    provider.link_exits = {"link-sandbox-3": [EXIT._replace(error_code="")]}
    assert "Nothing changed" in page_text(come_back(as_alice, session))
    assert update_item(item).new_accounts_at is not None
    provider.link_results = {"link-sandbox-3": [link_result("public-sandbox-1", accounts=[CHECKING, CARD])]}
    assert come_back(as_alice, session).url == reverse("importing", args=[item.pk])
    assert update_item(item).new_accounts_at is None


def test_it_replaces_a_bank_whose_access_was_withdrawn(
    as_alice: Client, alice: User, item: Item, provider: ScriptedProvider
) -> None:
    open_link(user=alice)
    provider.link_results = {}
    update_item(item, connection=Connection.REVOKED)
    go_to_provider(as_alice, open_update_mode(user=alice, item_id=item.pk).session)
    session = list_sessions(alice)[-1]
    assert (session.replaces_id, session.is_update_mode) == (item.pk, False)
    provider.link_results = {"link-sandbox-3": [link_result("public-sandbox-1", institution_id="ins_1")]}
    assert come_back(as_alice, session).status_code == 302
    assert update_item(item).connection in (Connection.REMOVING, Connection.REMOVED)
