"""An export that is restored into an empty site gives an equal export again, for every persona of the sandbox."""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Notification, NotificationSettings, User
from accounts.notifications import inbox
from accounts.notifications.notification_types import NotificationType
from banking.linking.disconnecting import disconnect_bank
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import (
    Account,
    AccountRemoval,
    Connection,
    Institution,
    Item,
    LiabilityApr,
    RecurringStream,
    SyncRun,
    Transaction,
    Transfer,
    TransferDecision,
)
from banking.retention.monthly_totals import MonthTotal, list_monthly_totals
from banking.retention.purging import purge_transactions
from banking.splits.splitting import PartValues, split_transaction
from banking.sync import sync_item
from banking.sync.notifications import notify_large_transactions
from banking.tests.factories import make_account, make_balance, make_liability, make_stream, make_transaction
from banking.tests.sandbox_process import Sandbox
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant
from compliance.retention.models import RetentionSetting
from compliance.retention.purging import claim_due_settings
from compliance.retention.rules import EVERYTHING
from config.tests.exports import WrittenExport, empty_site, export_data, forge_export, site_key
from credit.enrollment.retention_rule import RAW_REPORTS
from credit.models import RawReport, Report
from credit.provider import NoHit
from credit.stored import reports
from credit.tests.factories import store_full_report
from credit.tests.pull_steps import enroll_user, pull
from credit.tests.sandbox_bureau import PERSONAS, Bureau
from insights.cash_flow.notification_messages import LowRunwayMessage
from insights.models import CardLink, LowRunway

pytestmark = pytest.mark.django_db(transaction=True)

BANK_PERSONAS = ("user_good", "user_transactions_dynamic", "user_living", "user_messy", "user_scale_1200")


def restore(export: WrittenExport, user: User, folder: Path) -> str:
    """Restore an export into an emptied site. Raises ``CommandError`` unless it is equal."""
    path = export.save(folder)
    empty_site(user.pk)
    output = io.StringIO()
    call_command("import_export", path, key=site_key(), stdout=output)
    return output.getvalue()


def use_bank(sandbox: Sandbox, settings) -> None:
    settings.PLAID_URL = sandbox.url
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret


def link_and_sync(user: User, sandbox: Sandbox, persona: str) -> Item:
    opened = open_link(user=user)
    public_token = sandbox.complete_link(opened.token.value, username=persona)
    metadata = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
    item = finish_link(user=user, session_id=opened.session.pk, public_token=public_token, metadata=metadata)
    sync_item(owner_id=user.pk, item_id=item.pk, trigger="test")
    return item


@pytest.mark.parametrize("persona", BANK_PERSONAS)
def test_it_restores_a_bank_persona(alice: User, sandbox: Sandbox, settings, tmp_path: Path, persona: str) -> None:
    use_bank(sandbox, settings)
    link_and_sync(alice, sandbox, persona)
    export = export_data(alice)
    counts = export.count_rows()
    assert counts["bank/accounts.jsonl"] >= 1
    assert counts["bank/transactions.jsonl"] == counts["bank/transactions.csv"] >= 10
    assert "Every restorable file is equal." in restore(export, alice, tmp_path)
    again = export_data(alice).count_rows()
    restorable = {entry["name"] for entry in export.manifest["files"] if entry["restorable"]}
    assert {name: rows for name, rows in again.items() if name in restorable} == {
        name: rows for name, rows in counts.items() if name in restorable
    }


@pytest.mark.parametrize("days", [90, 0])
def test_it_restores_the_totals_of_purged_transactions(
    alice: User, sandbox: Sandbox, settings, tmp_path: Path, days: int
) -> None:
    use_bank(sandbox, settings)
    link_and_sync(alice, sandbox, "user_living")
    before = timezone.localdate() - timedelta(days=days) if days else EVERYTHING
    while purge_transactions(owner_id=alice.pk, before=before, limit=1000):
        pass
    months = read_months(alice)
    assert len(months) >= 3
    export = export_data(alice)
    assert export.count_rows()["bank/transaction_totals.jsonl"] >= 3
    assert ("bank/transactions.jsonl" in export.count_rows()) == bool(days)
    restore(export, alice, tmp_path)
    assert read_months(alice) == months


def read_months(user: User) -> list[MonthTotal]:
    with tenant(user.pk):
        return list_monthly_totals(owner_id=user.pk)


@pytest.mark.parametrize("persona", sorted(PERSONAS))
def test_it_restores_a_bureau_persona(alice: User, site_bureau: Bureau, tmp_path: Path, persona: str) -> None:
    enroll_user(alice, persona)
    with suppress(NoHit):
        pull(alice)
    export = export_data(alice)
    with tenant(alice.pk):
        withheld = Report.objects.filter(reports.WITHHELD).count() + RawReport.objects.filter(report=None).count()
        report_count = Report.objects.count() - withheld
    assert export.count_rows().get("credit/reports.jsonl", 0) == report_count
    assert len([row for row in export.manifest["withheld_rows"] if row["model"] == "credit.rawreport"]) == withheld
    assert "Every restorable file is equal." in restore(export, alice, tmp_path)


@pytest.fixture
def everything(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> User:
    """Alice with a row in every table that is restored."""
    item = make_item(alice)
    account = make_account(item)
    row = make_transaction(account, "-4.33", note='=1+1 “Tür” \\ "x"\n\t\x01', user_category="TRAVEL", hidden=True)
    other = make_transaction(account, "4.33")
    make_balance(account, 1, "-0.10")
    make_liability(account, aprs={"purchase_apr": "12.345"})
    make_stream(account, "-9.99")
    store_full_report(alice)
    with tenant(alice.pk):
        Transfer.objects.create(owner=alice, money_out=row.pk, money_in=other.pk, sent_on=row.day)
        TransferDecision.objects.create(owner=alice, money_out=row.pk, money_in=other.pk, is_transfer=True)
        Account.objects.filter(pk=account.pk).update(
            user_name="Rent", inclusion="listed", edited_at=timezone.now(), user_removed_at=timezone.now()
        )
        AccountRemoval.objects.create(owner=alice, account=account, history="keep")
        LowRunway.objects.create(owner=alice, currency="USD")
        CardLink.objects.create(owner=alice, account=account, key="card", same=True)
    inbox.change_settings(user_id=alice.pk, time_zone="Europe/Berlin")
    message = LowRunwayMessage(months=1, currency="USD")
    inbox.notify(user_id=alice.pk, type=NotificationType.LOW_RUNWAY, message=message, fingerprint="low")
    return alice


def test_it_restores_every_table(everything: User, tmp_path: Path) -> None:
    export = export_data(everything)
    restore(export, everything, tmp_path)
    user = User.objects.get()
    assert (user.pk, user.email, user.first_name, user.unread) == (everything.pk, "alice@example.com", "Alice", 1)
    assert (user.created_at, user.link_id) == (everything.created_at, everything.link_id)
    assert not user.has_usable_password()
    assert EmailAddress.objects.get().verified
    with tenant(user.pk):
        assert {row.note for row in Transaction.objects.all()} == {'=1+1 “Tür” \\ "x"\n\t\x01', ""}
        assert Notification.objects.get().message == LowRunwayMessage(months=1, currency="USD")
        assert NotificationSettings.objects.get().time_zone == "Europe/Berlin"
        assert TransferDecision.objects.get().is_transfer
        rate = LiabilityApr.objects.select_related("liability__account").get()
        assert (rate.percentage, rate.liability.account) == (Decimal("12.345"), RecurringStream.objects.get().account)
        account = Account.objects.exclude(user_removed_at=None).get()
        assert (account.user_name, account.inclusion, account.edited_at is None) == ("Rent", "listed", False)
        assert AccountRemoval.objects.get().history == "keep"
        assert (Transfer.objects.count(), LowRunway.objects.count(), CardLink.objects.count()) == (1, 1, 1)


def test_it_restores_a_split_transaction(everything: User, tmp_path: Path) -> None:
    with tenant(everything.pk):
        row = Transaction.objects.get(amount=Decimal("4.33"))
        Transfer.objects.all().delete()
    parts = [PartValues(amount=Decimal(value), note=value, tags=(value,)) for value in ("4", "0.33")]
    split_transaction(user=everything, transaction_id=row.pk, parts=parts)
    restore(export_data(everything), everything, tmp_path)
    with tenant(everything.pk):
        restored = Transaction.objects.filter(part_of=row.pk).order_by("pk").values_list("entered_amount", "note")
        assert list(restored) == [(Decimal(4), "4"), (Decimal("0.33"), "0.33")]
        assert Transaction.objects.get(pk=row.pk).replaced_by == "split"


def test_it_restores_what_the_user_has_written(everything: User, tmp_path: Path) -> None:
    """Also a category that no bank has."""
    own = {"user_category": 'Ferien, "Küche" & 🍰', "note": "for Ümit; -1+2\r\n'", "hidden": True}
    with tenant(everything.pk):
        assert Transaction.objects.filter(user_category="TRAVEL").update(**own) == 1
    restore(export_data(everything), everything, tmp_path)
    with tenant(everything.pk):
        assert Transaction.objects.filter(hidden=True).values(*own).get() == own


def test_it_names_no_bank(everything: User, tmp_path: Path) -> None:
    """All users share the row of a bank. Whoever wrote a file could give it any name."""
    restore(export_data(everything), everything, tmp_path)
    bank = Institution.objects.get()
    assert (bank.provider, bank.provider_id, bank.name, bank.url) == ("plaid", "ins_1", "", "")
    with tenant(everything.pk):
        item = Item.objects.get()
        assert (item.institution, item.institution_name) == (bank, "First Platypus Bank")


def test_it_renames_no_bank_that_the_site_knows(everything: User, tmp_path: Path) -> None:
    path = export_data(everything).save(tmp_path)
    empty_site(everything.pk)
    Institution.objects.create(provider="plaid", provider_id="ins_1", name="Chase", url="https://chase.example")
    call_command("import_export", path, key=site_key(), stdout=io.StringIO())
    assert Institution.objects.values_list("provider_id", "name", "url").get() == (
        "ins_1", "Chase", "https://chase.example",
    )  # fmt: skip


def test_it_takes_no_name_of_a_bank_from_a_file(everything: User, tmp_path: Path) -> None:
    export = export_data(everything)
    empty_site(everything.pk)

    def name_bank(content: bytes) -> bytes:
        return content.replace(b'"provider_id":"ins_1"', b'"provider_id":"ins_1","name":"Evil"')

    forged, key = forge_export(export, {"bank/connections.jsonl": name_bank})
    with pytest.raises(CommandError, match="would differ"):
        call_command("import_export", forged.save(tmp_path), key=key)
    assert not Institution.objects.exists()


def test_it_restores_a_connection_without_its_token(everything: User, tmp_path: Path, as_alice) -> None:
    restore(export_data(everything), everything, tmp_path)
    with tenant(everything.pk):
        item = Item.objects.get()
        assert (item.access_token, item.connection, item.state) == (None, Connection.REVOKED, "disconnected")
        assert Account.objects.open().count() == 1


def test_it_disconnects_a_restored_connection_without_the_provider(everything: User, tmp_path: Path) -> None:
    restore(export_data(everything), everything, tmp_path)
    with tenant(everything.pk):
        item = Item.objects.get()
    assert disconnect_bank(user=User.objects.get(), item_id=item.pk, keep_history=True) is None
    with tenant(everything.pk):
        item.refresh_from_db()
        assert item.connection == Connection.REMOVED


def test_it_deletes_alerts_with_the_history_of_a_restored_connection(everything: User, tmp_path: Path) -> None:
    """They name who was paid, and how much."""
    with tenant(everything.pk):
        account = Account.objects.get()
        run = SyncRun.objects.create(owner=everything, item_id=account.item_id, trigger="test")
    make_transaction(account, "-900", provider_id="large", day=timezone.localdate())
    item_id = account.item_id
    assert notify_large_transactions(owner_id=everything.pk, item_id=item_id, run_id=run.pk)
    restore(export_data(everything), everything, tmp_path)
    disconnect_bank(user=User.objects.get(), item_id=item_id, keep_history=False)
    with tenant(everything.pk):
        assert set(Notification.objects.values_list("type", flat=True)) == {NotificationType.LOW_RUNWAY}


def test_it_restores_a_disconnected_connection_as_it_was(everything: User, tmp_path: Path) -> None:
    with tenant(everything.pk):
        Item.objects.update(connection=Connection.REMOVED, access_token=None)
    restore(export_data(everything), everything, tmp_path)
    with tenant(everything.pk):
        assert Item.objects.get().connection == Connection.REMOVED


def test_it_lets_the_initial_period_of_restored_reports_begin(everything: User, tmp_path: Path) -> None:
    """As enrolling does: their user is told in time before the first of them is deleted."""
    restore(export_data(everything), everything, tmp_path)
    with tenant(everything.pk):
        setting = RetentionSetting.objects.get()
        assert (setting.data_type, setting.days_to_retain) == (RAW_REPORTS.data_type, RAW_REPORTS.initial_days)
        assert setting.needs_notice()
    due = [(claim.owner_id, claim.data_type) for claim in claim_due_settings(limit=10)]
    assert due == [(everything.pk, RAW_REPORTS.data_type)]


def test_it_lets_no_period_begin_without_reports(alice: User, tmp_path: Path) -> None:
    restore(export_data(alice), alice, tmp_path)
    with tenant(alice.pk):
        assert not RetentionSetting.objects.exists()


def test_it_makes_nobody_an_administrator(everything: User, tmp_path: Path) -> None:
    User.objects.update(is_staff=True, is_superuser=True)
    restore(export_data(everything), everything, tmp_path)
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)


def test_it_refuses_a_user_who_exists(everything: User, tmp_path: Path) -> None:
    path = export_data(everything).save(tmp_path)
    with pytest.raises(CommandError, match="has an account with this id"):
        call_command("import_export", path, key=site_key())
    empty_site(everything.pk)
    User.objects.create_user("ALICE@example.com")
    with pytest.raises(CommandError, match="has an account with this id"):
        call_command("import_export", path, key=site_key())
    assert User.objects.count() == 1


def test_it_refuses_an_export_that_was_changed(everything: User, tmp_path: Path) -> None:
    content = bytearray(export_data(everything).content)
    position = content.index(b"bank/transactions.jsonl") + 60
    content[position] ^= 1
    empty_site(everything.pk)
    with pytest.raises(CommandError, match=r"not as its site wrote it|cannot be read"):
        call_command("import_export", WrittenExport(bytes(content)).save(tmp_path), key=site_key())
    assert not User.objects.exists()


def test_it_refuses_an_export_that_another_site_signed(everything: User, tmp_path: Path) -> None:
    path = export_data(everything).save(tmp_path)
    empty_site(everything.pk)
    with pytest.raises(CommandError, match="signature is not valid"):
        call_command("import_export", path, key="A" * 43 + "=")
    assert not User.objects.exists()


def test_it_restores_all_or_nothing(everything: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export_data(everything).save(tmp_path)
    empty_site(everything.pk)
    # Another user of the site has the row's id.
    other = User.objects.create_user("mallory@example.com")
    with tenant(other.pk):
        LowRunway.objects.create(
            owner=other, currency="USD", pk=json.loads(export_rows_of(path, "notifications/low_runway.jsonl")[0])["id"]
        )
    with pytest.raises(CommandError, match="cannot be stored"):
        call_command("import_export", path, key=site_key())
    assert [user.email for user in User.objects.all()] == ["mallory@example.com"]


def export_rows_of(path: Path, name: str) -> list[str]:
    return WrittenExport(path.read_bytes()).read_text(name).splitlines()
