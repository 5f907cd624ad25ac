"""Moving the webhooks of Items to another URL, and webhooks that were sent to the wrong one."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from banking import tasks
from banking.models import Connection, Item, WebhookOutcome
from banking.provider import SentWebhook, Unavailable
from banking.tests.factories import update_item
from banking.tests.job_queue import queued_jobs
from banking.tests.received_webhooks import list_events, receive
from banking.tests.scripted_provider import ScriptedProvider
from banking.tests.sync_runs import run_sync
from banking.webhooks import webhook_urls
from compliance.queues import Lane

pytestmark = pytest.mark.django_db

OLD, NEW = "https://old.example/webhooks/plaid/", "https://new.example/webhooks/plaid/"


@pytest.fixture(autouse=True)
def url(settings: Any) -> None:
    settings.PLAID_WEBHOOK_URL = NEW


@pytest.fixture
def moved_item(item: Item) -> Item:
    """An Item that was linked when the site had another URL."""
    return update_item(item, webhook_url=OLD, connected_at=timezone.now() - timedelta(days=1))


# --- Moving -----------------------------------------------------------------------------------------------


def test_it_moves_an_item_once(moved_item: Item, provider: ScriptedProvider) -> None:
    tasks.dispatch_webhook_updates()
    tasks.dispatch_webhook_updates()
    [job] = queued_jobs(moved_item.pk)
    assert (job.task, job.lane) == ("update_webhook", Lane.SLOW)
    for _ in range(2):
        tasks.update_webhook(*job.arguments)
    assert provider.webhooks == [NEW]
    assert update_item(moved_item, webhook_claimed_until=None).webhook_url == NEW
    assert webhook_urls.claim_webhook_updates(limit=9) == []


def test_it_tries_again_after_an_hour(moved_item: Item, provider: ScriptedProvider) -> None:
    provider.webhook_error = Unavailable("TIMEOUT")
    assert len(webhook_urls.claim_webhook_updates(limit=9)) == 1
    tasks.update_webhook(str(moved_item.owner_id), str(moved_item.pk))
    assert update_item(moved_item).webhook_url == OLD
    assert webhook_urls.claim_webhook_updates(limit=9) == []
    update_item(moved_item, webhook_claimed_until=timezone.now() - timedelta(seconds=1))
    assert len(webhook_urls.claim_webhook_updates(limit=9)) == 1


@pytest.mark.parametrize(
    ("fields", "is_moved"),
    [
        ({"webhook_url": None}, True),
        ({"webhook_url": ""}, True),
        ({"connection": Connection.LOGIN_REQUIRED}, True),
        ({"webhook_url": NEW}, False),
        ({"environment": "production"}, False),
        ({"connection": Connection.REVOKED}, False),
        ({"connection": Connection.REMOVED}, False),
    ],
)
def test_it_moves_only_items_that_get_webhooks_elsewhere(
    moved_item: Item, fields: dict[str, object], is_moved: bool
) -> None:
    update_item(moved_item, **fields)
    assert bool(webhook_urls.claim_webhook_updates(limit=9)) is is_moved


def test_it_leaves_a_new_item_to_its_first_sync(moved_item: Item) -> None:
    update_item(moved_item, connected_at=timezone.now())
    assert webhook_urls.claim_webhook_updates(limit=9) == []


def test_it_moves_none_without_a_url(moved_item: Item, provider: ScriptedProvider, settings: Any) -> None:
    settings.PLAID_WEBHOOK_URL = ""
    assert webhook_urls.claim_webhook_updates(limit=9) == []
    tasks.update_webhook(str(moved_item.owner_id), str(moved_item.pk))
    assert provider.webhooks == []
    with pytest.raises(CommandError, match="PLAID_WEBHOOK_URL"):
        call_command("update_webhooks")


def test_the_command_moves_all(
    moved_item: Item, mallory: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    make_item(mallory, webhook_url=OLD, connected_at=timezone.now() - timedelta(days=1))
    output = StringIO()
    call_command("update_webhooks", stdout=output)
    assert (output.getvalue(), provider.webhooks) == ("2 connections moved.\n", [NEW, NEW])


def test_the_command_fails_if_one_could_not_be_moved(moved_item: Item, provider: ScriptedProvider) -> None:
    provider.webhook_error = Unavailable("TIMEOUT")
    with pytest.raises(CommandError, match="1 connections could not be moved"):
        call_command("update_webhooks")


# --- Webhooks that did not arrive -------------------------------------------------------------------------


def say_sent(provider: ScriptedProvider, *, minutes_ago: int) -> None:
    """Let the provider say that it sent a webhook."""
    sent = SentWebhook("SYNC_UPDATES_AVAILABLE", timezone.now() - timedelta(minutes=minutes_ago))
    provider.item_details = replace(provider.item_details, last_webhook=sent, webhook=NEW)


def test_it_records_a_webhook_that_did_not_arrive_once(
    item: Item, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    say_sent(provider, minutes_ago=20)
    for _ in range(2):
        run_sync(item)
    [event] = list_events()
    assert (event.outcome, event.code, event.next_attempt_at) == (
        WebhookOutcome.MISSED,
        "SYNC_UPDATES_AVAILABLE",
        None,
    )
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert f"A webhook of Item {item.pk} did not arrive: SYNC_UPDATES_AVAILABLE" in errors[0]
    assert item.webhook_url == NEW


@pytest.mark.parametrize("minutes_ago", [14, 24 * 60 + 1])
def test_it_records_none_that_may_be_on_its_way_or_is_old(
    item: Item, provider: ScriptedProvider, minutes_ago: int
) -> None:
    say_sent(provider, minutes_ago=minutes_ago)
    run_sync(item)
    assert list_events() == []


def test_it_records_none_that_has_arrived(item: Item, provider: ScriptedProvider) -> None:
    receive(item)
    say_sent(provider, minutes_ago=20)
    run_sync(item)
    assert [event.outcome for event in list_events()] == [WebhookOutcome.NEW]


def test_it_is_not_satisfied_by_a_webhook_of_another_item(
    item: Item, mallory: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    receive(make_item(mallory))
    say_sent(provider, minutes_ago=20)
    run_sync(item)
    assert [event.outcome for event in list_events()] == [WebhookOutcome.NEW, WebhookOutcome.MISSED]


def test_it_records_none_if_the_site_has_no_url(item: Item, provider: ScriptedProvider, settings: Any) -> None:
    settings.PLAID_WEBHOOK_URL = ""
    say_sent(provider, minutes_ago=20)
    run_sync(item)
    assert list_events() == []


def test_a_check_finds_one_as_well(item: Item, provider: ScriptedProvider) -> None:
    update_item(item, connection=Connection.LOGIN_REQUIRED)
    say_sent(provider, minutes_ago=20)
    tasks.process_webhook(str(receive(item, "ITEM", "LOGIN_REPAIRED")))
    assert sorted(event.outcome for event in list_events()) == [WebhookOutcome.MISSED, WebhookOutcome.PROCESSED]
