"""Webhooks about dialogs: the provider is asked what came of them, and the bank is connected once."""

import hashlib
import json
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking import tasks
from banking.linking.hosted_link import read_hosted_link
from banking.linking.sessions import HostedReturn, close_link, open_link
from banking.linking.update_mode import open_update_mode
from banking.models import Connection, Item, LinkSession, WebhookEvent, WebhookOutcome
from banking.provider import Credential, LinkExit, Unavailable
from banking.tests.factories import update_item
from banking.tests.job_queue import queued_jobs
from banking.tests.link_dialog import list_items, make_failing_call, reload_session
from banking.tests.received_webhooks import list_events, receive, reload_event
from banking.tests.scripted_provider import ScriptedProvider, link_result
from banking.webhooks import inbox
from compliance.isolation import tenant
from compliance.isolation.models import new_id

pytestmark = pytest.mark.django_db

CODES = ("SESSION_FINISHED", "ITEM_ADD_RESULT", "EVENTS")


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def receive_for(token: str, code: str = "SESSION_FINISHED") -> UUID:
    return receive("", "LINK", code, link_token_hash=hash_token(token))


def process(event_id: UUID) -> WebhookEvent:
    tasks.process_webhook(str(event_id))
    return reload_event(event_id)


@pytest.fixture
def session(alice: User, provider: ScriptedProvider) -> LinkSession:
    """Alice's session on the provider's own pages, which she has finished with a bank. Its token is link-sandbox-1."""
    provider.link_results = {"link-sandbox-1": [link_result("public-sandbox-1", institution_id="ins_1")]}
    return open_link(user=alice, hosted=HostedReturn(new_id(), "https://plumbline.test/return/")).session


@pytest.mark.parametrize("code", CODES)
def test_it_connects_the_bank_of_a_user_who_never_comes_back(
    alice: User, session: LinkSession, provider: ScriptedProvider, code: str
) -> None:
    event = process(receive_for("link-sandbox-1", code))
    (item,) = list_items(alice)
    assert (event.outcome, event.next_attempt_at) == (WebhookOutcome.PROCESSED, None)
    assert provider.exchanged_tokens == ["public-sandbox-1"]
    assert [job.arguments[-1] for job in queued_jobs(item.pk)] == ["webhook"]
    assert reload_session(alice, session).state == LinkSession.State.LINKED


def test_it_connects_once_for_all_webhooks_and_a_return(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    for code in CODES:
        process(receive_for("link-sandbox-1", code))
        assert as_alice.get(reverse("hosted_return", args=[session.pk])).status_code == 302
    assert provider.exchanged_tokens == ["public-sandbox-1"]
    assert len(list_items(alice)) == 1


def test_it_connects_once_if_a_webhook_arrives_during_the_exchange(
    alice: User, session: LinkSession, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, outcomes = provider.exchange_public_token, []

    def exchange_meanwhile(public_token: str) -> Credential:
        credential = exchange(public_token)
        outcomes.append(process(receive_for("link-sandbox-1")).outcome)
        return credential

    monkeypatch.setattr(provider, "exchange_public_token", exchange_meanwhile)
    (item,) = read_hosted_link(user=alice, session_id=session.pk)
    assert (provider.exchanged_tokens, outcomes) == (["public-sandbox-1"], [WebhookOutcome.PROCESSED])
    assert [linked.pk for linked in list_items(alice)] == [item.pk]


def test_it_connects_once_if_the_user_returns_while_the_webhook_is_processed(
    as_alice: Client, alice: User, session: LinkSession, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, pages = provider.exchange_public_token, []

    def exchange_meanwhile(public_token: str) -> Credential:
        credential = exchange(public_token)
        pages.append(as_alice.get(reverse("hosted_return", args=[session.pk])))
        return credential

    monkeypatch.setattr(provider, "exchange_public_token", exchange_meanwhile)
    process(receive_for("link-sandbox-1"))
    assert (provider.exchanged_tokens, [page.status_code for page in pages]) == (["public-sandbox-1"], [200])
    assert as_alice.get(reverse("hosted_return", args=[session.pk])).status_code == 302
    assert len(list_items(alice)) == 1


def test_it_connects_a_bank_of_the_dialog_whose_tab_was_closed(alice: User, provider: ScriptedProvider) -> None:
    """Plaid sends these webhooks for the scripted dialog, too, to sites that asked for it."""
    opened = open_link(user=alice)
    provider.link_results = {opened.token.value: [link_result("public-sandbox-1")]}
    close_link(user=alice, session_id=opened.session.pk, link_exit=LinkExit())
    process(receive_for(opened.token.value))
    assert len(list_items(alice)) == 1


@pytest.mark.parametrize("stopped", [{"deleted_at": timezone.now()}, {"is_active": False}])
def test_it_exchanges_nothing_for_a_user_whose_data_is_no_longer_processed(
    alice: User, session: LinkSession, provider: ScriptedProvider, stopped: dict[str, object]
) -> None:
    """The exchange alone creates what is billed, although the Item would be removed at once."""
    with tenant(alice.pk):
        User.objects.filter(pk=alice.pk).update(**stopped)
    assert process(receive_for("link-sandbox-1")).outcome == WebhookOutcome.PROCESSED
    assert (provider.exchanged_tokens, list_items(alice)) == ([], [])


def test_it_stores_how_the_user_left(alice: User, session: LinkSession, provider: ScriptedProvider) -> None:
    left = LinkExit("INSTITUTION_DOWN", "requires_credentials", "req-exit", "link-session-1")
    provider.link_results, provider.link_exits = {}, {"link-sandbox-1": [left]}
    assert process(receive_for("link-sandbox-1")).outcome == WebhookOutcome.PROCESSED
    stored = reload_session(alice, session)
    assert stored.state == LinkSession.State.ABANDONED
    assert {name: getattr(stored, name) for name in left._fields} == left._asdict()


@pytest.mark.parametrize("code", CODES)
def test_it_asks_again_for_a_result_that_is_not_listed_yet(
    alice: User, session: LinkSession, provider: ScriptedProvider, code: str
) -> None:
    results, provider.link_results = provider.link_results, {}
    event = process(receive_for("link-sandbox-1", code))
    assert (event.outcome, event.error_code) == (WebhookOutcome.FAILED, "LINK_UNFINISHED")
    provider.link_results = results
    event.next_attempt_at = timezone.now()
    inbox.save_attempts([event])
    assert process(event.pk).outcome == WebhookOutcome.PROCESSED
    assert len(list_items(alice)) == 1


def test_it_asks_no_more_once_the_dialog_is_over(alice: User, session: LinkSession, provider: ScriptedProvider) -> None:
    provider.link_results = {}
    with time_machine.travel(session.expires_at + timedelta(days=1)):
        assert process(receive_for("link-sandbox-1")).outcome == WebhookOutcome.PROCESSED


def test_it_tries_again_after_an_outage(
    alice: User, session: LinkSession, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as outage:
        outage.setattr(provider, "get_link_results", make_failing_call(Unavailable("TIMEOUT")))
        event = process(receive_for("link-sandbox-1"))
    assert (event.outcome, event.error_code) == (WebhookOutcome.FAILED, "TIMEOUT")
    event.next_attempt_at = timezone.now()
    inbox.save_attempts([event])
    assert process(event.pk).outcome == WebhookOutcome.PROCESSED
    assert len(list_items(alice)) == 1


def test_it_reconnects_a_bank(alice: User, item: Item, provider: ScriptedProvider) -> None:
    open_link(user=alice)
    update_item(item, connection=Connection.LOGIN_REQUIRED, error_code="ITEM_LOGIN_REQUIRED")
    hosted = HostedReturn(new_id(), "https://plumbline.test/return/")
    token = open_update_mode(user=alice, item_id=item.pk, hosted=hosted).token
    provider.link_results = {token.value: [link_result("public-sandbox-1")]}
    process(receive_for(token.value))
    assert update_item(item).connection == Connection.ACTIVE
    assert provider.exchanged_tokens == []


# --- Webhooks that change nothing -------------------------------------------------------------------------


def test_it_ignores_a_webhook_about_an_unknown_dialog(
    alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    event = process(receive_for("link-sandbox-other"))
    assert (event.outcome, event.next_attempt_at) == (WebhookOutcome.IGNORED, None)
    assert (provider.link_result_calls, provider.exchanged_tokens) == (0, [])


def test_it_ignores_a_webhook_without_a_link_token(alice: User, session: LinkSession) -> None:
    assert process(receive("", "LINK", "SESSION_FINISHED")).outcome == WebhookOutcome.IGNORED


def test_it_ignores_an_item_id_in_a_webhook_about_a_dialog(item: Item, provider: ScriptedProvider) -> None:
    assert process(receive(item, "LINK", "SESSION_FINISHED")).outcome == WebhookOutcome.IGNORED
    assert (provider.item_calls, queued_jobs(item.pk)) == (0, [])


def test_it_processes_the_webhooks_of_two_dialogs_apart(
    alice: User, mallory: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    open_link(user=mallory)
    first, second = receive_for("link-sandbox-1"), receive_for("link-sandbox-2")
    assert process(first).outcome == WebhookOutcome.PROCESSED
    assert reload_event(second).outcome == WebhookOutcome.NEW
    assert (len(list_items(alice)), list_items(mallory)) == (1, [])


def test_it_queues_the_overdue_webhooks_of_each_dialog(alice: User, provider: ScriptedProvider) -> None:
    events = [reload_event(receive_for(f"link-sandbox-{number}")) for number in (1, 2)]
    for event in events:
        event.next_attempt_at = timezone.now()
    inbox.save_attempts(events)
    assert set(inbox.list_overdue_events(limit=9)) == {event.pk for event in events}


def test_it_refuses_a_webhook_that_the_provider_has_not_signed(
    client: Client, alice: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    body = {"webhook_type": "LINK", "webhook_code": "SESSION_FINISHED", "link_token": "link-sandbox-1"}
    forged = {"environment": "sandbox", "status": "SUCCESS", "public_tokens": ["public-sandbox-1"], **body}
    response = client.post(
        reverse("webhook-plaid"), json.dumps(forged), "application/json", headers={"Plaid-Verification": "a.b.c"}
    )
    assert (response.status_code, list_events(), provider.exchanged_tokens) == (400, [], [])
    assert reload_session(alice, session).state == LinkSession.State.OPEN


def test_it_erases_the_webhooks_of_a_users_dialogs(
    alice: User, mallory: User, session: LinkSession, provider: ScriptedProvider
) -> None:
    open_link(user=mallory)
    receive_for("link-sandbox-1")
    other = receive_for("link-sandbox-2")
    with tenant(alice.pk):
        assert inbox.erase_events(alice.pk) == 1
    assert [event.pk for event in list_events()] == [other]
