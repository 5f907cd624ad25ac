"""Items that exist at the provider only: their token is kept, sealed for the site, until the provider confirms."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError
from django.utils import timezone

from accounts.deactivation import deactivate
from accounts.deletion import erasure, requests
from accounts.models import User
from banking import tasks
from banking.linking import exchange, orphaned_removals, recovery
from banking.linking.consent_withdrawal import withdraw_bank_data
from banking.linking.errors import LinkError
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Item, LinkSession, OrphanedRemoval
from banking.provider import Credential, PublicTokenRefused, Unavailable
from banking.tests.scripted_provider import ScriptedProvider, link_result
from compliance.isolation import SYSTEM, tenant
from compliance.isolation.tenant import tenant_context

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])

PUBLIC_TOKEN = "public-sandbox-1"


@pytest.fixture
def session(alice: User, provider: ScriptedProvider) -> LinkSession:
    """A link session of Alice's whose dialog has ended with a bank, as the provider confirms."""
    opened = open_link(user=alice)
    provider.link_results = {opened.token.value: [link_result(PUBLIC_TOKEN)]}
    return opened.session


@pytest.fixture
def during_exchange(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[User], object]], None]:
    """Do something while the provider exchanges the public token."""

    def prepare(action: Callable[[User], object]) -> None:
        exchange_public_token = provider.exchange_public_token

        def respond(public_token: str) -> Credential:
            action(User.objects.get(pk=alice.pk))
            return exchange_public_token(public_token)

        monkeypatch.setattr(provider, "exchange_public_token", respond)

    return prepare


def finish_session(user: User, session: LinkSession) -> Item:
    metadata = LinkMetadata("", "", frozenset())
    return finish_link(user=user, session_id=session.pk, public_token=PUBLIC_TOKEN, metadata=metadata)


def fail_to_save(*args: object, **options: object) -> None:
    raise DatabaseError("disk full")


def list_orphans() -> list[OrphanedRemoval]:
    with tenant(SYSTEM):
        return list(OrphanedRemoval.objects.all())


def run_due_removals() -> None:
    """Run the removals that Celery beat would queue."""
    for removal_id in orphaned_removals.list_due_orphans(limit=10):
        tasks.remove_orphan_at_provider(str(removal_id))


def assert_removed_later(provider: ScriptedProvider) -> None:
    """The token waits while the provider is down, and is gone as soon as the provider confirms."""
    [orphan] = list_orphans()
    assert (orphan.provider_item_id, orphan.attempts, orphan.error_code) == ("item-1", 1, "TIMEOUT")
    assert provider.removed_tokens == []
    provider.removal_error = None
    run_due_removals()
    assert provider.removed_tokens == []
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        run_due_removals()
    assert provider.removed_tokens == ["access-sandbox-secret"]
    assert list_orphans() == []


def erase_now(user: User) -> None:
    """Erase an account whose link is no longer waited for."""
    requests.request_deletion(user=user, at_once=True)
    with tenant(user.pk):
        LinkSession.objects.update(state=LinkSession.State.FAILED)
    assert erasure.erase_account(owner_id=user.pk) is not None


@pytest.mark.parametrize(
    "stop",
    [
        lambda user: requests.request_deletion(user=user),
        lambda user: deactivate(user=user, actor=None),
        lambda user: withdraw_bank_data(user=user, keep_history=True),
        erase_now,
    ],
    ids=["deletion", "deactivation", "withdrawal", "erasure"],
)
def test_it_retries_the_removal_of_an_item_that_may_not_be_saved(
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    during_exchange: Callable[[Callable[[User], object]], None],
    stop: Callable[[User], object],
) -> None:
    provider.removal_error = Unavailable("TIMEOUT")
    during_exchange(stop)
    with pytest.raises(LinkError):
        finish_session(alice, session)
    assert_removed_later(provider)


def test_it_retries_the_removal_of_an_item_that_could_not_be_saved(
    alice: User, session: LinkSession, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.removal_error = Unavailable("TIMEOUT")
    monkeypatch.setattr(Item.objects, "create", fail_to_save)
    # A background job, too, has its owner as tenant.
    with pytest.raises(DatabaseError), tenant_context(alice.pk):
        finish_session(alice, session)
    assert_removed_later(provider)


def test_it_does_not_recover_a_link_that_could_not_be_saved(
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its Item is removed: operators are not told that one exists which nobody holds."""
    monkeypatch.setattr(Item.objects, "create", fail_to_save)
    with pytest.raises(DatabaseError):
        finish_session(alice, session)
    provider.credential = PublicTokenRefused("INVALID_PUBLIC_TOKEN")
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert recovery.recover_link(owner_id=alice.pk, session_id=session.pk) is None
    with tenant(alice.pk):
        session.refresh_from_db()
    assert (session.state, session.error_code) == (LinkSession.State.FAILED, "NOT_SAVED")
    assert "LINK_EXCHANGE_LOST" not in caplog.text
    assert provider.removed_tokens == ["access-sandbox-secret"]


def test_it_raises_the_error_that_came_first(
    alice: User, session: LinkSession, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the database cannot store that the link has failed."""

    def fail_again(**arguments: object) -> None:
        raise OperationalError("connection lost")

    monkeypatch.setattr(Item.objects, "create", fail_to_save)
    monkeypatch.setattr(exchange, "fail_session", fail_again)
    with pytest.raises(DatabaseError, match="disk full"):
        finish_session(alice, session)
    assert provider.removed_tokens == ["access-sandbox-secret"]


def test_it_keeps_no_token_if_the_provider_confirms_at_once(
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    during_exchange: Callable[[Callable[[User], object]], None],
) -> None:
    during_exchange(lambda user: requests.request_deletion(user=user))
    with pytest.raises(LinkError):
        finish_session(alice, session)
    assert provider.removed_tokens == ["access-sandbox-secret"]
    assert list_orphans() == []


def test_it_stores_the_token_before_it_calls_the_provider(
    alice: User, session: LinkSession, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed during the call has not lost it."""
    stored: list[int] = []

    monkeypatch.setattr(Item.objects, "create", fail_to_save)
    monkeypatch.setattr(provider, "remove_item", lambda token: stored.append(len(list_orphans())))
    with pytest.raises(DatabaseError):
        finish_session(alice, session)
    assert stored == [1]


@pytest.mark.parametrize("error", [None, Unavailable("TIMEOUT")])
def test_it_removes_the_item_even_if_no_row_can_be_stored(
    alice: User,
    session: LinkSession,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception | None,
) -> None:
    """If the provider is down, too, operators find the Item's id in the log."""

    provider.removal_error = error
    monkeypatch.setattr(Item.objects, "create", fail_to_save)
    monkeypatch.setattr(OrphanedRemoval.objects, "create", fail_to_save)
    with pytest.raises(DatabaseError):
        finish_session(alice, session)
    assert provider.removed_tokens == ([] if error else ["access-sandbox-secret"])
    assert ("Item item-1 exists at the provider, and its token is lost" in caplog.text) is bool(error)
    assert "access-sandbox-secret" not in caplog.text


def make_orphan(**fields: object) -> OrphanedRemoval:
    with tenant(SYSTEM):
        return OrphanedRemoval.objects.create(
            **{"provider": "plaid", "environment": "embedded", "provider_item_id": "item-gone"} | fields
        )


def run_command(*arguments: str) -> str:
    output = StringIO()
    call_command("confirm_removal", *arguments, stdout=output)
    return output.getvalue()


def test_operators_end_a_removal_whose_token_was_lost() -> None:
    lost = make_orphan(access_token=None, next_attempt_at=None, attempts=1)
    make_orphan(access_token="access-sandbox-secret", attempts=9)
    assert run_command() == f"{lost.pk}: plaid embedded, Item item-gone\n"
    assert run_command(str(lost.pk)) == f"{lost.pk} is confirmed.\n"
    assert run_command() == ""
    with pytest.raises(CommandError, match="No removal with this id"):
        run_command(str(lost.pk))


@pytest.mark.parametrize(
    ("ids", "listed"),
    [
        ({"link_session_id": "link-1", "request_id": "req-1"}, "link session link-1, request req-1"),
        ({"request_id": "req-1"}, "link session unknown, request req-1"),
        ({}, "link session unknown, request unknown"),
    ],
)
def test_operators_find_an_item_whose_token_never_arrived(ids: dict[str, str], listed: str) -> None:
    lost = make_orphan(provider_item_id="", access_token=None, next_attempt_at=None, attempts=1, **ids)
    assert run_command() == f"{lost.pk}: plaid embedded, {listed}\n"
    assert run_command(str(lost.pk)) == f"{lost.pk} is confirmed.\n"
    assert list_orphans() == []


def test_operators_end_no_removal_that_is_retried() -> None:
    retried = make_orphan(access_token="access-sandbox-secret", attempts=9)
    with pytest.raises(CommandError, match="No removal with this id"):
        run_command(str(retried.pk))
    assert [orphan.pk for orphan in list_orphans()] == [retried.pk]
