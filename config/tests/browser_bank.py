"""A bank for browser tests: the sandbox with a worker that syncs it, Alice's connection to it, and its ledger."""

from collections.abc import Callable, Iterator
from datetime import date
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import Locator
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Item
from banking.tasks import enqueue_sync
from banking.tests.sandbox_process import Sandbox
from compliance.isolation import tenant
from config.tests.processes import wait_until
from config.tests.programs import run_sandbox_with_mailbox, run_worker, use_own_queue

TIMEOUT_MS = 60_000

Query = Callable[..., list[tuple[object, ...]]]


@pytest.fixture(scope="session")
def slow_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, int]]:
    """A sandbox whose banks take some seconds to prepare a history, and its mailbox."""
    with run_sandbox_with_mailbox(tmp_path_factory.mktemp("sandbox")) as sandbox_and_port:
        yield sandbox_and_port


@pytest.fixture
def bank(slow_sandbox: tuple[Sandbox, int], live_server: LiveServer, settings) -> Sandbox:
    """The sandbox as the site's provider, which sends webhooks to the site, and as the mailbox of all users."""
    sandbox, smtp_port = slow_sandbox
    settings.PLAID_URL = sandbox.url
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret
    settings.PLAID_WEBHOOK_URL = f"{live_server.url}/webhooks/plaid/"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", smtp_port
    return sandbox


@pytest.fixture
def running_worker(bank: Sandbox) -> Iterator[None]:
    """A worker that syncs banks."""
    with use_own_queue(f"journey-{uuid4().hex}") as queue, run_worker(queue):
        yield


@pytest.fixture
def item(alice: User, bank: Sandbox, running_worker: None, settings) -> Item:
    """Alice's bank, linked and completely synced."""
    opened = open_link(user=alice)
    linked = finish_link(
        user=alice,
        session_id=opened.session.pk,
        public_token=bank.complete_link(opened.token.value, username="user_living"),
        metadata=LinkMetadata("ins_109508", "First Platypus Bank", frozenset()),
    )
    enqueue_sync(linked, trigger="link")
    wait_until(lambda: reload_item(linked).readiness == "historical")
    return linked


def reload_item(item: Item) -> Item:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk)


def sign_in_at_bank(dialog: Locator) -> None:
    dialog.get_by_label("Username").fill("user_living")
    dialog.get_by_label("Password").fill("pass_good")
    dialog.get_by_role("button", name="Submit").click()


def list_stored_transactions(item: Item, as_operator: Query) -> set[tuple[object, ...]]:
    return set(
        as_operator(
            "SELECT t.provider_id, t.amount, t.day, t.pending FROM banking_transaction t"
            " JOIN banking_account a ON a.id = t.account_id WHERE a.item_id = %s AND t.removed_at IS NULL",
            item.pk,
        )
    )


def get_ledger(bank: Sandbox, provider_item_id: str) -> dict[str, object]:
    return bank.admin(f"ledger/{provider_item_id}", method="GET")


def get_today() -> date:
    return timezone.localdate()
