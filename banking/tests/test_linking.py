from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError
from django.utils import timezone

from accounts.models import User
from banking.linking import sessions
from banking.linking.errors import DuplicateBank, LinkError
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Connection, Item, LinkSession
from banking.provider import Credential, ProviderConfigurationError, PublicTokenRefused, Unavailable
from banking.tests.factories import make_account
from banking.tests.scripted_provider import ScriptedProvider, link_result
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

METADATA = LinkMetadata("ins_1", "First Platypus Bank", frozenset({("Checking", "0000")}))
TOKEN = "public-sandbox-1"


def finish_session(user: User, session: LinkSession, token: str = TOKEN, metadata: LinkMetadata = METADATA) -> Item:
    return finish_link(user=user, session_id=session.pk, public_token=token, metadata=metadata)


def reload_state(user: User, session: LinkSession) -> str:
    with tenant(user.pk):
        session.refresh_from_db()
    return session.state


def test_it_stores_the_item_with_a_sealed_token(alice: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    item = finish_session(alice, session)
    with tenant(alice.pk):
        stored = Item.objects.get(pk=item.pk)
        assert stored.access_token.reveal() == "access-sandbox-secret"
    assert "access-sandbox-secret" not in f"{stored.access_token!r} {stored.__dict__}"
    assert reload_state(alice, session) == LinkSession.State.LINKED


def test_it_stores_the_institution_of_a_known_bank_at_once(alice: User, item: Item, provider: ScriptedProvider) -> None:
    linked = finish_session(alice, open_link(user=alice).session)
    assert linked.institution == item.institution
    # No institution is created from what a browser posts; the first sync fetches an unknown one.
    unknown = LinkMetadata("ins_nobody", "A Bank", frozenset())
    provider.credential = Credential("access-sandbox-2", "item-2", "req")
    assert (
        finish_session(alice, open_link(user=alice).session, token="public-sandbox-2", metadata=unknown).institution
        is None
    )


def test_it_stores_no_token_in_plain_text(
    alice: User, provider: ScriptedProvider, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    opened = open_link(user=alice)
    finish_session(alice, opened.session)
    stored = str(as_operator("SELECT t::text FROM banking_linksession t UNION ALL SELECT t::text FROM banking_item t"))
    assert opened.session.link_token_hash in stored
    for secret in (opened.token.value, TOKEN, "access-sandbox-secret"):
        assert secret not in stored


def test_it_returns_the_same_item_for_a_repeated_request(alice: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    first, second = finish_session(alice, session), finish_session(alice, session)
    assert first.pk == second.pk
    assert provider.exchanged_tokens == [TOKEN]


def test_it_rejects_another_token_for_a_finished_session(alice: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    finish_session(alice, session)
    with pytest.raises(LinkError, match="used"):
        finish_session(alice, session, token="public-sandbox-2")


def test_it_raises_for_another_users_session(alice: User, mallory: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    with pytest.raises(LinkSession.DoesNotExist):
        finish_session(mallory, session)
    assert provider.exchanged_tokens == []


def test_it_rejects_a_public_token_of_another_user(alice: User, mallory: User, provider: ScriptedProvider) -> None:
    finish_session(alice, open_link(user=alice).session)
    opened = open_link(user=mallory)
    provider.link_results = {opened.token.value: [link_result("public-sandbox-9")]}
    with pytest.raises(LinkError, match="foreign"):
        finish_session(mallory, opened.session)
    assert provider.exchanged_tokens == [TOKEN]


def test_it_rejects_a_public_token_of_another_dialog_of_the_user(alice: User, provider: ScriptedProvider) -> None:
    finish_session(alice, open_link(user=alice).session)
    with pytest.raises(LinkError, match="used"):
        finish_session(alice, open_link(user=alice).session)
    assert provider.exchanged_tokens == [TOKEN]


def test_it_rejects_an_expired_session(alice: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(LinkError, match="expired"):
        finish_session(alice, session)


def test_it_rejects_an_expired_public_token_and_closes_the_session(alice: User, provider: ScriptedProvider) -> None:
    provider.credential = PublicTokenRefused("INVALID_PUBLIC_TOKEN")
    session = open_link(user=alice).session
    with pytest.raises(PublicTokenRefused):
        finish_session(alice, session)
    assert reload_state(alice, session) == LinkSession.State.FAILED
    assert session.link_token is None


def test_it_accepts_the_same_request_again_after_an_outage(alice: User, provider: ScriptedProvider) -> None:
    credential, provider.credential = provider.credential, Unavailable("TIMEOUT")
    session = open_link(user=alice).session
    with pytest.raises(LinkError, match="pending"):
        finish_session(alice, session)
    provider.credential = credential
    assert finish_session(alice, session).provider_item_id == "item-1"


def test_it_tries_an_exchange_twice_if_the_first_response_is_lost(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    errors = [Unavailable("CONNECTION_DROPPED"), PublicTokenRefused("INVALID_PUBLIC_TOKEN", request_id="req-9")]

    def exchange(token: str) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(provider, "exchange_public_token", exchange)
    with pytest.raises(LinkError, match="lost"):
        finish_session(alice, open_link(user=alice).session)
    assert "req-9" in caplog.text
    assert TOKEN not in caplog.text


class WorkerKilled(BaseException):
    """Replaces SIGKILL: no ``except Exception`` catches it."""


@pytest.fixture
def abandoned_session(alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch) -> LinkSession:
    """A session whose worker was killed after it claimed the session and before it exchanged the token."""

    def kill_worker(token: str) -> None:
        raise WorkerKilled

    session = open_link(user=alice).session
    with monkeypatch.context() as patch:
        patch.setattr(provider, "exchange_public_token", kill_worker)
        with pytest.raises(WorkerKilled):
            finish_session(alice, session)
    assert reload_state(alice, session) == LinkSession.State.EXCHANGING
    return session


def test_it_rejects_requests_while_an_exchange_is_in_progress(
    alice: User, abandoned_session: LinkSession, provider: ScriptedProvider
) -> None:
    with pytest.raises(LinkError, match="in_progress"):
        finish_session(alice, abandoned_session)
    assert provider.exchanged_tokens == []


def test_it_completes_a_session_of_a_killed_worker(
    alice: User, abandoned_session: LinkSession, provider: ScriptedProvider
) -> None:
    with time_machine.travel(timezone.now() + sessions.CLAIM_TIMEOUT):
        item = finish_session(alice, abandoned_session)
    assert item.provider_item_id == "item-1"
    assert reload_state(alice, abandoned_session) == LinkSession.State.LINKED


def test_it_completes_that_session_only_with_the_same_token(
    alice: User, abandoned_session: LinkSession, provider: ScriptedProvider
) -> None:
    with time_machine.travel(timezone.now() + sessions.CLAIM_TIMEOUT), pytest.raises(LinkError, match="used"):
        finish_session(alice, abandoned_session, token="public-sandbox-2")


def test_it_reports_a_lost_item_if_the_killed_worker_had_exchanged_the_token(
    alice: User, abandoned_session: LinkSession, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.credential = PublicTokenRefused("INVALID_PUBLIC_TOKEN", request_id="req-9")
    with time_machine.travel(timezone.now() + sessions.CLAIM_TIMEOUT), pytest.raises(LinkError, match="lost"):
        finish_session(alice, abandoned_session)
    assert "req-9" in caplog.text
    assert reload_state(alice, abandoned_session) == LinkSession.State.LOST


@pytest.fixture
def _oauth_redirect(settings) -> None:
    settings.PLAID_REDIRECT_URI = "https://plumbline.test/connect/oauth/"


@pytest.mark.usefixtures("_oauth_redirect")
def test_it_resumes_a_dialog_once_after_an_oauth_redirect(alice: User, provider: ScriptedProvider) -> None:
    opened = open_link(user=alice)
    assert sessions.resume_link(user=alice, session_id=opened.session.pk).token.value == opened.token.value
    with pytest.raises(LinkSession.DoesNotExist):
        sessions.resume_link(user=alice, session_id=opened.session.pk)


@pytest.mark.usefixtures("_oauth_redirect")
def test_it_does_not_resume_for_other_users_or_after_expiry(
    alice: User, mallory: User, provider: ScriptedProvider
) -> None:
    opened = open_link(user=alice)
    with pytest.raises(LinkSession.DoesNotExist):
        sessions.resume_link(user=mallory, session_id=opened.session.pk)
    with time_machine.travel(opened.token.expires_at), pytest.raises(LinkSession.DoesNotExist):
        sessions.resume_link(user=alice, session_id=opened.session.pk)


@pytest.mark.usefixtures("_oauth_redirect")
def test_it_seals_the_token_of_an_interrupted_dialog(
    alice: User, provider: ScriptedProvider, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    opened = open_link(user=alice)
    assert opened.token.value not in str(as_operator("SELECT t::text FROM banking_linksession t"))


def test_it_does_not_resume_without_a_redirect_uri(alice: User, provider: ScriptedProvider) -> None:
    opened = open_link(user=alice)
    with pytest.raises(LinkSession.DoesNotExist):
        sessions.resume_link(user=alice, session_id=opened.session.pk)


def test_it_removes_the_item_at_the_provider_if_it_cannot_be_stored(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_to_save(*args: object, **options: object) -> None:
        raise DatabaseError("disk full")

    session = open_link(user=alice).session
    monkeypatch.setattr(Item.objects, "create", fail_to_save)
    with pytest.raises(DatabaseError):
        finish_session(alice, session)
    assert provider.removed_tokens == ["access-sandbox-secret"]


def test_it_exchanges_nothing_for_a_bank_that_is_already_linked(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    make_account(item)
    with pytest.raises(DuplicateBank) as error:
        finish_session(alice, open_link(user=alice).session)
    assert error.value.item.pk == item.pk
    assert provider.exchanged_tokens == []


@pytest.mark.parametrize("fields", [{"mask": "1111"}, {"name": "Savings"}])
def test_it_allows_a_second_login_at_the_same_bank(
    alice: User, item: Item, provider: ScriptedProvider, fields: dict[str, str]
) -> None:
    make_account(item, **fields)
    assert finish_session(alice, open_link(user=alice).session).pk != item.pk


def test_it_links_a_disconnected_bank_again(alice: User, item: Item, provider: ScriptedProvider) -> None:
    make_account(item)
    with tenant(alice.pk):
        Item.objects.filter(pk=item.pk).update(connection=Connection.REMOVED)
    assert finish_session(alice, open_link(user=alice).session).pk != item.pk


def test_it_links_an_account_that_another_user_has_linked(
    alice: User, mallory: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    make_account(make_item(mallory))
    assert finish_session(alice, open_link(user=alice).session).owner_id == alice.pk


def test_it_stores_no_session_if_the_provider_returns_no_token(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_configuration_error(**options: object) -> None:
        raise ProviderConfigurationError("INVALID_API_KEYS")

    monkeypatch.setattr(provider, "create_link_token", raise_configuration_error)
    with pytest.raises(ProviderConfigurationError):
        open_link(user=alice)
    with tenant(alice.pk):
        assert not LinkSession.objects.for_user(alice).exists()
