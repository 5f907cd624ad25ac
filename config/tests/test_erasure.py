"""After an erasure nothing of the person is left: in no table, not in Redis, and not in a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from allauth.account.internal.flows.email_verification_by_code import EMAIL_VERIFICATION_CODE_SESSION_KEY
from allauth.account.models import EmailAddress, EmailConfirmation
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.deletion import erasure, requests, unsent_receipts
from accounts.models import User
from accounts.sign_in import lockout
from accounts.tests.totp import add_authenticator_app, add_recovery_codes
from banking import tasks
from banking.models import (
    Account,
    AccountRemoval,
    Item,
    ItemProduct,
    OrphanedRemoval,
    SyncRun,
    Transaction,
    TransactionTotal,
    Transfer,
    TransferDecision,
    UnstoredRow,
)
from banking.tests.factories import make_account, make_balance, make_liability, make_stream, make_transaction
from banking.tests.received_webhooks import receive
from banking.tests.scripted_provider import ScriptedProvider
from compliance import consent
from compliance.audit.daily_access import DataKind, record_data_access
from compliance.export import lifecycle
from compliance.export.building import build_export
from compliance.isolation import SYSTEM, tenant
from compliance.models import DataExport, ErasureReceipt, RetentionSetting
from compliance.personal_data import registry
from config.tests.exports import refuse_to_delete
from config.tests.owned_objects import make_owned_objects
from config.tests.stored_data import read_all_tables, read_redis, read_sessions
from conftest import PASSWORD
from credit.enrollment import authorization
from credit.report import CreditReport
from credit.stored import reports
from credit.tests.factories import store_full_report
from insights.models import CardLink, LowRunway

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "ops"]),
    pytest.mark.usefixtures("own_cache"),
]

IP, USER_AGENT = "203.0.113.77", "CanaryBrowser/7.7"
# Everything by which Alice could be recognized, as it is written into her rows.
TRACES = {
    "alice", "Quackenbush", IP, USER_AGENT, "canary-merchant", "canary-note", "canary-account-name", "canary-own-name",
    "zq91", "access-sandbox-canary", "canary-item-id", "canary-connection", "canary-provider-id",
    "canary-loan", "canary-stream",
}  # fmt: skip
# Where Alice's random id stays: the audit trail, the record of consents, and the receipt.
PSEUDONYMOUS_TABLES = {
    "public.audit_event", "public.audit_head", "public.audit_link", "public.compliance_consentevent",
    "public.compliance_erasurereceipt", "public.compliance_trailverification", "public.audit_checkpoint",
}  # fmt: skip


@pytest.fixture
def full_account(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> User:
    """Alice with at least one row in every table that has data about people."""
    User.objects.filter(pk=alice.pk).update(last_name="Quackenbush")
    alice.set_password(PASSWORD)
    alice.save(update_fields=["password"])
    browser = Client(REMOTE_ADDR=IP, HTTP_USER_AGENT=USER_AGENT)
    browser.post(reverse("account_login"), {"login": alice.email, "password": "wrong"})
    browser.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    objects = make_owned_objects(alice, make_item)
    store_full_report(alice)
    add_recovery_codes(alice)
    add_authenticator_app(alice)
    consent.grant(
        user=alice, consent_text=authorization.consent_text(), signature="Alice Quackenbush", scope={},
        valid_for=authorization.VALID_FOR,
    )  # fmt: skip
    account = make_account(objects.item, name="canary-account-name", mask="zq91")
    make_transaction(
        account, "-5", merchant_name="canary-merchant", note="canary-note", provider_id="canary-provider-id"
    )
    make_balance(account, 1, "55")
    make_liability(account, aprs={"purchase_apr": "12.5"}, loan_name="canary-loan")
    make_stream(account, "-9", merchant_name="canary-stream")
    with tenant(alice.pk):
        SyncRun.objects.create(owner=alice, item=objects.item, trigger="test")
        ItemProduct.objects.create(owner=alice, item=objects.item, product="transactions")
        UnstoredRow.objects.create(
            owner=alice, item=objects.item, kind="transaction", reason="invalid_field", field="amount",
            provider_id="canary-provider-id",
        )  # fmt: skip
        first, second = Transaction.objects.all()[:2]
        Transfer.objects.create(owner=alice, money_out=first.pk, money_in=second.pk, sent_on=timezone.localdate())
        TransferDecision.objects.create(owner=alice, money_out=first.pk, money_in=second.pk, is_transfer=True)
        LowRunway.objects.create(owner=alice, currency="USD")
        Account.objects.filter(pk=account.pk).update(user_name="canary-own-name", inclusion="hidden")
        AccountRemoval.objects.create(owner=alice, account=account, history="delete")
        CardLink.objects.create(owner=alice, account=account, key="canary-connection", same=True)
        record_data_access(alice.pk, DataKind.BALANCES)
        RetentionSetting.objects.create(owner=alice, data_type="transactions")
        TransactionTotal.objects.create(
            owner=alice,
            account=account,
            source=TransactionTotal.Source.PURGED,
            period=TransactionTotal.Period.MONTH,
            starts_on=timezone.localdate().replace(day=1),
            currency="USD",
            money_in=1,
            money_out=0,
            count=1,
        )
    receive(objects.item)
    add_rows_of_other_packages(alice)
    return alice


def add_rows_of_other_packages(user: User) -> None:
    user.groups.add(Group.objects.get_or_create(name="support")[0])
    user.user_permissions.add(Permission.objects.first())
    address = EmailAddress.objects.get(user=user)
    EmailConfirmation.objects.create(email_address=address, key="canary-connection")
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.first(),
        object_id="1",
        object_repr="canary-connection",
        action_flag=ADDITION,
    )
    lockout.record_failure(user.email)


@pytest.fixture
def export_folder(full_account: User, settings: Any, tmp_path: Path) -> Path:
    """The file store, with an export of everything about Alice."""
    settings.EXPORT_DIR = str(tmp_path)
    with tenant(full_account.pk):
        DataExport.objects.all().delete()
    export = lifecycle.request_export(owner_id=full_account.pk)
    assert build_export(owner_id=full_account.pk, export_id=export.pk)
    return tmp_path


def list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def find_traces(traces: set[str]) -> set[tuple[str, str]]:
    """Where each trace is stored: pairs of a table or a key of Redis, and a trace."""
    stored = [*read_all_tables(), *read_sessions(), *read_redis()]
    return {(place, trace) for place, content in stored for trace in traces if trace in content or trace in place}


def find_places(user: User) -> set[str]:
    """The tables and keys with the random id of a user."""
    return {place for place, _trace in find_traces({str(user.pk), user.pk.hex})}


def list_tables_with_rows(user_id: UUID) -> set[str]:
    with tenant(user_id):
        return {
            holder.model._meta.label
            for holder in registry.list_holders()
            if holder.owner and holder.model._default_manager.filter(**{holder.owner: user_id}).exists()
        }


def test_the_account_of_this_test_has_a_row_of_every_kind(full_account: User) -> None:
    holders = {holder.model._meta.label for holder in registry.list_holders() if holder.owner}
    # They exist only after the request, the erasure, a verification, or a year.
    later = {
        "accounts.DeletionRequest", "banking.PendingRemoval", "compliance.AuditCheckpoint",
        "compliance.ErasureReceipt", "compliance.TrailVerification",
    }  # fmt: skip
    assert holders - list_tables_with_rows(full_account.pk) == later
    stored = {trace for _place, trace in find_traces(TRACES)}
    assert stored == TRACES - {"access-sandbox-canary"}


def test_nothing_of_the_person_is_left_after_an_erasure(full_account: User, provider: ScriptedProvider) -> None:
    requests.request_deletion(user=full_account, at_once=True)
    erased = erasure.erase_account(owner_id=full_account.pk)
    assert erased is not None
    with tenant(SYSTEM):
        [orphan] = OrphanedRemoval.objects.all()
    tasks.remove_orphan_at_provider(str(orphan.pk))
    assert provider.removed_tokens == ["access-sandbox-canary"]
    # The address is kept, encrypted, until the receipt is sent.
    assert find_traces(TRACES) == set()
    assert find_places(full_account) - PSEUDONYMOUS_TABLES == {"public.accounts_unsentreceipt"}
    assert unsent_receipts.try_to_send(account=full_account.pk)
    assert [email.to for email in mail.outbox[-1:]] == [[full_account.email]]
    assert find_traces(TRACES) == set()
    assert find_places(full_account) <= PSEUDONYMOUS_TABLES
    assert not any(place == "public.accounts_unsentreceipt" for place, _row in read_all_tables())


def test_no_session_that_names_the_person_is_left_after_an_erasure(full_account: User, mallory: User) -> None:
    """A sign-in without its second step and a sign-up without its code have sessions, too, which no list shows."""
    unfinished, signing_up, other = Client(), Client(), Client()
    unfinished.post(reverse("account_login"), {"login": full_account.email, "password": PASSWORD})
    start_sign_up(signing_up, full_account)
    other.force_login(mallory)
    names = {str(full_account.pk), full_account.pk.hex, full_account.email}
    requests.request_deletion(user=full_account, at_once=True)
    before = {trace for place, trace in find_traces(names) if place == "sessions.Session"}
    assert before == names
    assert erasure.erase_account(owner_id=full_account.pk) is not None
    assert {trace for place, trace in find_traces(names) if place == "sessions.Session"} == set()
    assert Session.objects.count() == 1
    assert other.get(reverse("security")).status_code == 200


def start_sign_up(client: Client, user: User) -> None:
    """Store what allauth does while a new address has to be confirmed."""
    session = client.session
    session[EMAIL_VERIFICATION_CODE_SESSION_KEY] = {"user_id": user.pk.hex, "code": "123456"}
    session.save()


def test_no_file_of_the_person_is_left_after_an_erasure(full_account: User, export_folder: Path) -> None:
    assert len(list_files(export_folder)) == 1
    requests.request_deletion(user=full_account, at_once=True)
    assert erasure.erase_account(owner_id=full_account.pk) is not None
    assert list_files(export_folder) == []


def test_a_file_that_cannot_be_deleted_stops_no_erasure(
    full_account: User, export_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can open it, because its key was destroyed; the hourly purge deletes it."""
    requests.request_deletion(user=full_account, at_once=True)
    with monkeypatch.context() as patches:
        refuse_to_delete(patches)
        assert erasure.erase_account(owner_id=full_account.pk) is not None
    assert len(list_files(export_folder)) == 1
    lifecycle.purge_exports()
    assert list_files(export_folder) == []


def test_it_leaves_other_people_alone(
    full_account: User, mallory: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    item = make_item(mallory, provider_item_id="item-of-mallory")
    make_transaction(make_account(item), "-1")
    store_full_report(mallory)
    before = list_tables_with_rows(mallory.pk)
    requests.request_deletion(user=full_account, at_once=True)
    assert erasure.erase_account(owner_id=full_account.pk) is not None
    assert list_tables_with_rows(mallory.pk) == before
    with tenant(mallory.pk):
        report = reports.get_latest_report(owner=mallory.pk)
    assert report is not None
    assert isinstance(report.report, CreditReport)


def test_the_receipt_counts_what_was_deleted(full_account: User) -> None:
    with tenant(full_account.pk):
        transactions = Transaction.objects.count()
    requests.request_deletion(user=full_account, at_once=True)
    erased = erasure.erase_account(owner_id=full_account.pk)
    assert erased is not None
    with tenant(full_account.pk):
        document = json.loads(ErasureReceipt.objects.get().document)
    assert document["deleted"]["banking.Transaction"] == transactions > 1
    # Sessions end with the request already, and so do the connections to banks.
    gone = {model for model, count in document["deleted"].items() if count == 0}
    assert gone == {"usersessions.UserSession", "banking.UnstoredRow"}
    assert set(document["deleted"]) | set(document["kept"]) == {
        holder.model._meta.label for holder in registry.list_holders()
    }
    assert document["pending"] == {"connections_to_remove_at_provider": 1, "connections_we_could_not_remove": 0}
