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


def finish(user: User, session: LinkSession, token: str = TOKEN, metadata: LinkMetadata = METADATA) -> Item:
    return finish_link(user=user, session_id=session.pk, public_token=token, metadata=metadata)


def session_state(user: User, session: LinkSession) -> str:
    with tenant(user.pk):
        session.refresh_from_db()
    return session.state


def test_it_keeps_the_item_and_shows_its_token_to_nobody(alice: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    item = finish(alice, session)
    with tenant(alice.pk):
        stored = Item.objects.get(pk=item.pk)
        assert stored.access_token.reveal() == "access-sandbox-secret"
    assert "access-sandbox-secret" not in f"{stored.access_token!r} {stored.__dict__}"
    assert session_state(alice, session) == LinkSession.State.LINKED


def test_it_stores_at_once_which_bank_it_is_where_we_know_the_bank(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    linked = finish(alice, open_link(user=alice).session)
    assert linked.institution == item.institution
    # No institution is created from what a browser posts; the first sync fetches an unknown one.
    unknown = LinkMetadata("ins_nobody", "A Bank", frozenset())
    provider.credential = Credential("access-sandbox-2", "item-2", "req")
    assert finish(alice, open_link(user=alice).session, token="public-sandbox-2", metadata=unknown).institution is None


def test_it_stores_no_link_token_and_no_public_token_in_clear(
    alice: User, provider: ScriptedProvider, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    opened = open_link(user=alice)
    finish(alice, opened.session)
    stored = str(as_operator("SELECT t::text FROM banking_linksession t UNION ALL SELECT t::text FROM banking_item t"))
    assert opened.session.link_token_hash in stored
    for secret in (opened.token.value, TOKEN, "access-sandbox-secret"):
        assert secret not in stored


def test_it_gives_the_same_item_when_the_same_answer_is_posted_twice(alice: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    first, second = finish(alice, session), finish(alice, session)
    assert first.pk == second.pk
    assert provider.exchanged_tokens == [TOKEN]


def test_it_refuses_another_token_for_a_finished_session(alice: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    finish(alice, session)
    with pytest.raises(LinkError, match="used"):
        finish(alice, session, token="public-sandbox-2")


def test_it_knows_no_session_of_another_person(alice: User, mallory: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    with pytest.raises(LinkSession.DoesNotExist):
        finish(mallory, session)
    assert provider.exchanged_tokens == []


def test_it_refuses_a_public_token_that_another_person_posted(
    alice: User, mallory: User, provider: ScriptedProvider
) -> None:
    finish(alice, open_link(user=alice).session)
    opened = open_link(user=mallory)
    provider.link_results = {opened.token.value: [link_result("public-sandbox-9")]}
    with pytest.raises(LinkError, match="foreign"):
        finish(mallory, opened.session)
    assert provider.exchanged_tokens == [TOKEN]


def test_it_refuses_a_public_token_that_was_posted_to_another_dialog_of_the_same_person(
    alice: User, provider: ScriptedProvider
) -> None:
    finish(alice, open_link(user=alice).session)
    with pytest.raises(LinkError, match="used"):
        finish(alice, open_link(user=alice).session)
    assert provider.exchanged_tokens == [TOKEN]


def test_it_refuses_a_session_that_is_too_old(alice: User, provider: ScriptedProvider) -> None:
    session = open_link(user=alice).session
    with tenant(alice.pk):
        LinkSession.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(LinkError, match="expired"):
        finish(alice, session)


def test_it_refuses_an_expired_public_token_and_closes_the_session(alice: User, provider: ScriptedProvider) -> None:
    provider.credential = PublicTokenRefused("INVALID_PUBLIC_TOKEN")
    session = open_link(user=alice).session
    with pytest.raises(PublicTokenRefused):
        finish(alice, session)
    assert session_state(alice, session) == LinkSession.State.FAILED
    assert session.link_token is None


def test_it_lets_the_same_answer_be_posted_again_after_an_outage(alice: User, provider: ScriptedProvider) -> None:
    good, provider.credential = provider.credential, Unavailable("TIMEOUT")
    session = open_link(user=alice).session
    with pytest.raises(LinkError, match="pending"):
        finish(alice, session)
    provider.credential = good
    assert finish(alice, session).provider_item_id == "item-1"


def test_it_tries_an_exchange_twice_when_the_first_answer_is_lost(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [Unavailable("CONNECTION_DROPPED"), PublicTokenRefused("INVALID_PUBLIC_TOKEN", request_id="req-9")]

    def exchange(token: str) -> None:
        raise answers.pop(0)

    monkeypatch.setattr(provider, "exchange_public_token", exchange)
    with pytest.raises(LinkError, match="lost"):
        finish(alice, open_link(user=alice).session)
    assert "req-9" in caplog.text
    assert TOKEN not in caplog.text


class Killed(BaseException):
    """Stands for SIGKILL: no ``except Exception`` may catch it."""


@pytest.fixture
def abandoned_session(alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch) -> LinkSession:
    """A session whose worker was killed after it claimed the session and before it exchanged the token."""

    def kill_worker(token: str) -> None:
        raise Killed

    session = open_link(user=alice).session
    with monkeypatch.context() as patch:
        patch.setattr(provider, "exchange_public_token", kill_worker)
        with pytest.raises(Killed):
            finish(alice, session)
    assert session_state(alice, session) == LinkSession.State.EXCHANGING
    return session


def test_it_lets_nobody_in_while_an_exchange_is_in_progress(
    alice: User, abandoned_session: LinkSession, provider: ScriptedProvider
) -> None:
    with pytest.raises(LinkError, match="in_progress"):
        finish(alice, abandoned_session)
    assert provider.exchanged_tokens == []


def test_it_finishes_what_a_killed_worker_left_behind(
    alice: User, abandoned_session: LinkSession, provider: ScriptedProvider
) -> None:
    with time_machine.travel(timezone.now() + sessions.CLAIM_TIMEOUT):
        item = finish(alice, abandoned_session)
    assert item.provider_item_id == "item-1"
    assert session_state(alice, abandoned_session) == LinkSession.State.LINKED


def test_it_finishes_it_for_the_same_token_only(
    alice: User, abandoned_session: LinkSession, provider: ScriptedProvider
) -> None:
    with time_machine.travel(timezone.now() + sessions.CLAIM_TIMEOUT), pytest.raises(LinkError, match="used"):
        finish(alice, abandoned_session, token="public-sandbox-2")


def test_it_says_when_the_killed_worker_had_exchanged_already(
    alice: User, abandoned_session: LinkSession, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.credential = PublicTokenRefused("INVALID_PUBLIC_TOKEN", request_id="req-9")
    with time_machine.travel(timezone.now() + sessions.CLAIM_TIMEOUT), pytest.raises(LinkError, match="lost"):
        finish(alice, abandoned_session)
    assert "req-9" in caplog.text
    assert session_state(alice, abandoned_session) == LinkSession.State.LOST


@pytest.fixture
def _oauth_redirect(settings) -> None:
    settings.PLAID_REDIRECT_URI = "https://plumbline.test/connect/oauth/"


@pytest.mark.usefixtures("_oauth_redirect")
def test_it_goes_on_once_with_a_dialog_that_a_bank_interrupted(alice: User, provider: ScriptedProvider) -> None:
    opened = open_link(user=alice)
    assert sessions.resume_link(user=alice, session_id=opened.session.pk).token.value == opened.token.value
    with pytest.raises(LinkSession.DoesNotExist):
        sessions.resume_link(user=alice, session_id=opened.session.pk)


@pytest.mark.usefixtures("_oauth_redirect")
def test_it_goes_on_for_nobody_else_and_not_too_late(alice: User, mallory: User, provider: ScriptedProvider) -> None:
    opened = open_link(user=alice)
    with pytest.raises(LinkSession.DoesNotExist):
        sessions.resume_link(user=mallory, session_id=opened.session.pk)
    with time_machine.travel(opened.token.expires_at), pytest.raises(LinkSession.DoesNotExist):
        sessions.resume_link(user=alice, session_id=opened.session.pk)


@pytest.mark.usefixtures("_oauth_redirect")
def test_it_keeps_an_interrupted_dialogs_token_sealed(
    alice: User, provider: ScriptedProvider, as_operator: Callable[..., list[tuple[object, ...]]]
) -> None:
    opened = open_link(user=alice)
    assert opened.token.value not in str(as_operator("SELECT t::text FROM banking_linksession t"))


def test_it_goes_on_with_no_dialog_where_no_bank_interrupts(alice: User, provider: ScriptedProvider) -> None:
    opened = open_link(user=alice)
    with pytest.raises(LinkSession.DoesNotExist):
        sessions.resume_link(user=alice, session_id=opened.session.pk)


def test_it_ends_the_item_at_the_provider_when_it_cannot_be_written_down(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_to_save(*args: object, **options: object) -> None:
        raise DatabaseError("disk full")

    session = open_link(user=alice).session
    monkeypatch.setattr(Item.objects, "create", fail_to_save)
    with pytest.raises(DatabaseError):
        finish(alice, session)
    assert provider.removed_tokens == ["access-sandbox-secret"]


def test_it_says_which_item_is_orphaned_when_even_that_fails(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_to_save(*args: object, **options: object) -> None:
        raise DatabaseError("disk full")

    provider.removal_error = Unavailable("TIMEOUT")
    session = open_link(user=alice).session
    monkeypatch.setattr(Item.objects, "create", fail_to_save)
    with pytest.raises(DatabaseError):
        finish(alice, session)
    assert "item-1" in caplog.text
    assert "access-sandbox-secret" not in caplog.text


def test_it_exchanges_nothing_for_a_bank_that_is_linked_already(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    make_account(item)
    with pytest.raises(DuplicateBank) as refused:
        finish(alice, open_link(user=alice).session)
    assert refused.value.item.pk == item.pk
    assert provider.exchanged_tokens == []


@pytest.mark.parametrize("other", [{"mask": "1111"}, {"name": "Savings"}])
def test_it_allows_a_second_login_at_the_same_bank(
    alice: User, item: Item, provider: ScriptedProvider, other: dict[str, str]
) -> None:
    make_account(item, **other)
    assert finish(alice, open_link(user=alice).session).pk != item.pk


def test_it_allows_a_bank_again_that_was_disconnected(alice: User, item: Item, provider: ScriptedProvider) -> None:
    make_account(item)
    with tenant(alice.pk):
        Item.objects.filter(pk=item.pk).update(connection=Connection.REMOVED)
    assert finish(alice, open_link(user=alice).session).pk != item.pk


def test_it_does_not_mind_that_somebody_else_linked_the_same_account(
    alice: User, mallory: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    make_account(make_item(mallory))
    assert finish(alice, open_link(user=alice).session).owner_id == alice.pk


def test_it_gives_no_token_when_the_provider_refuses(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_link_token(**options: object) -> None:
        raise ProviderConfigurationError("INVALID_API_KEYS")

    monkeypatch.setattr(provider, "create_link_token", refuse_link_token)
    with pytest.raises(ProviderConfigurationError):
        open_link(user=alice)
    with tenant(alice.pk):
        assert not LinkSession.objects.for_user(alice).exists()
