"""One encrypted value that cannot be decrypted: its row says so, a log line alerts operators, and all else works.

The tests find all encrypted columns and all pages by themselves, so they cover new ones at once.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts import tasks as accounts_tasks
from accounts.deletion import unsent_receipts
from accounts.models import UnsentReceipt, User
from accounts.tests.totp import add_recovery_codes
from banking import tasks as banking_tasks
from banking.models import Connection, Item, LinkSession, OrphanedRemoval, PendingRemoval
from banking.tests.scripted_provider import ScriptedProvider
from compliance.audit import Action, record
from compliance.audit.events import AuditEvent
from compliance.isolation import SYSTEM, tenant
from compliance.isolation.tenant import tenant_cursor
from compliance.personal_data.receipts import create_receipt
from compliance.vault.rotation import sealed_columns
from compliance.vault.secret import Sealed
from config.tests.owned_objects import OwnedObjects, get_url
from config.tests.routes import ROUTE_NAMES
from config.tests.test_urls import describe_response
from credit import tasks as credit_tasks
from credit.models import Enrollment
from credit.pulls import rebuilding
from credit.tests.factories import store_full_report
from credit.tests.pull_steps import give_consent

pytestmark = pytest.mark.django_db

COLUMNS = {f"{model._meta.label_lower}.{column.attname}": column for model, column in sealed_columns()}
AUDIT = "compliance.auditevent.payload"
SEEDS = "mfa.authenticator.data"
PAGES = [name for name in ROUTE_NAMES if not name.startswith("admin:") and name != "sandbox"]
# The many pages of signing in decrypt seeds and no other column.
SIGN_IN_PREFIXES = ("account_", "mfa_")
# Decrypted by the task that ends an Item, and by no page; and by a link that works once (``test_export_pages``).
NOT_READ_BY_PAGES = {
    "banking.pendingremoval.access_token", "banking.orphanedremoval.access_token", "compliance.dataexport.file_key",
    "accounts.unsentreceipt.email",
}  # fmt: skip
# Decrypted only for pages.
NOT_READ_BY_TASKS = {
    "accounts.notification.values", "compliance.consentevent.request", "compliance.consentevent.signature",
    "compliance.dataexport.file_key", "credit.report.document", "credit.report.changes",
}  # fmt: skip


def flip_last_byte(value: bytes) -> bytes:
    """A damaged copy of an encrypted value."""
    return bytes(value[:-1]) + bytes([value[-1] ^ 1])


@pytest.fixture
def damage(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that makes every value of a column read as damaged."""

    def damage_column(name: str) -> None:
        if name == SEEDS:
            for factor in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN):
                factor.data = {
                    key: value.replace("A", "B") if isinstance(value, str) else value
                    for key, value in factor.data.items()
                }
                factor.save()
            return
        column = COLUMNS.get(name) or AuditEvent._meta.get_field("payload")
        monkeypatch.setattr(
            column, "from_db_value", lambda value, *_: value and Sealed(flip_last_byte(value)), raising=False
        )

    return damage_column


@pytest.fixture
def as_alice(as_alice: Client, alice: User, with_second_factor: Callable[..., Client]) -> Client:
    add_recovery_codes(alice)
    return with_second_factor(as_alice, alice)


@pytest.fixture(autouse=True)
def _encrypted_values(
    alice: User, owned_objects: OwnedObjects, as_alice: Client, make_item: Callable[..., Item]
) -> None:
    """Give Alice a value in every encrypted column."""
    store_full_report(alice)
    give_consent(alice)
    removing = make_item(alice, provider_item_id="gone", connection=Connection.REMOVING)
    with tenant(alice.pk):
        PendingRemoval.objects.create(owner=alice, item=removing, access_token="access-sandbox-gone")
        session = LinkSession.objects.get(pk=owned_objects.session.pk)
        session.link_token = "link-sandbox-1"
        session.save()
        record(Action.OPERATOR_VIEW, subject=alice, what="banking.account", role="Support")
        record(Action.USER_LOGIN, subject=alice)
    with tenant_cursor(SYSTEM):
        OrphanedRemoval.objects.create(
            provider=removing.provider,
            environment=removing.environment,
            provider_item_id="orphan",
            access_token="access-sandbox-orphan",
        )
    keep_receipt_of_erased_user()


def keep_receipt_of_erased_user() -> None:
    """Store the receipt of an erasure, and where it has to be sent."""
    account, now = uuid4(), timezone.now()
    unsent_receipts.keep_address(account=account, email="erased@example.com")
    with tenant(account):
        create_receipt(owner=account, requested_at=now, erased_at=now, deleted={}, kept={}, pending={})


@pytest.fixture(autouse=True)
def _no_bureau(settings: object) -> None:
    settings.EXPERIAN_BASE_URL = "http://127.0.0.1:9"


@contextmanager
def allow_durable_transactions() -> Iterator[None]:
    """Allow durable transactions inside the test's own transaction, as Django's test cases do."""
    outer_transaction = transaction.atomic()
    outer_transaction._from_testcase = True
    with outer_transaction:
        yield


def list_alerts(caplog: pytest.LogCaptureFixture) -> set[str]:
    """The columns that critical log lines name."""
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    return {line.split()[1] for line in lines if line.startswith("SEALED_VALUE_UNREADABLE ")}


@pytest.mark.parametrize("name", [*COLUMNS, AUDIT, SEEDS])
def test_it_opens_every_page_with_a_damaged_column(
    name: str, as_alice: Client, owned_objects: OwnedObjects, damage: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    damage(name)
    pages = [page for page in PAGES if name == SEEDS or not page.startswith(SIGN_IN_PREFIXES)]
    responses = {
        page: [describe_response(as_alice, method, get_url(page, owned_objects)) for method in ("get", "post")]
        for page in pages
    }
    assert [page for page, statuses in responses.items() if "500" in statuses] == []
    assert list_alerts(caplog) == {name} - NOT_READ_BY_PAGES


@pytest.mark.parametrize("name", COLUMNS)
def test_it_finishes_every_task_with_a_damaged_column(
    name: str, alice: User, owned_objects: OwnedObjects, damage: Callable[[str], None],
    provider: ScriptedProvider, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    damage(name)
    with tenant(alice.pk):
        removal = PendingRemoval.objects.get()
        Item.objects.filter(pk=owned_objects.item.pk).update(leased_until=None)
        LinkSession.objects.update(state=LinkSession.State.PENDING, next_recovery_at=None)
        Enrollment.objects.update(next_pull_at=timezone.now(), eligible_at=None)
    banking_tasks.sync_item(str(alice.pk), str(owned_objects.item.pk), "test")
    banking_tasks.remove_at_provider(str(alice.pk), str(removal.pk))
    with tenant_cursor(SYSTEM):
        orphan, unsent = OrphanedRemoval.objects.get(), UnsentReceipt.objects.get()
    banking_tasks.remove_orphan_at_provider(str(orphan.pk))
    accounts_tasks.send_receipt(str(unsent.account))
    banking_tasks.recover_link(str(alice.pk), str(owned_objects.session.pk))
    with allow_durable_transactions():
        credit_tasks.pull_report(str(alice.pk), "scheduled")
        rebuilding.rebuild(owner_id=alice.pk, everything=True)
    assert list_alerts(caplog) == {name} - NOT_READ_BY_TASKS


@pytest.mark.parametrize(
    ("name", "route", "text"),
    [
        (AUDIT, "security", "Cannot be read"),
        (AUDIT, "data_accesses", "Cannot be read"),
        (SEEDS, "security", "We can't check its codes."),
        ("accounts.notification.values", "notifications", "Cannot be read"),
        ("credit.report.document", "credit", "We can't open your report"),
        ("credit.report.changes", "credit_changes", "Cannot be read"),
        ("credit.rawreport.body", "credit_raw_page", "We can't decrypt this original."),
    ],
)
def test_it_says_where_a_value_cannot_be_read(
    name: str, route: str, text: str, as_alice: Client, owned_objects: OwnedObjects, damage: Callable[[str], None]
) -> None:
    url = get_url(route, owned_objects)
    assert text not in unescape(as_alice.get(url).content.decode())
    damage(name)
    assert text in unescape(as_alice.get(url, follow=True).content.decode())
