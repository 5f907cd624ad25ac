"""Every page that shows bank or credit data records that it was looked at, by kind of data."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.tests.totp import add_recovery_codes
from compliance.audit import daily_access
from compliance.audit.daily_access import DataKind, RecentMinutes
from compliance.audit.events import DailyAccess
from compliance.isolation import tenant
from config.tests.owned_objects import OwnedObjects, get_url
from config.tests.routes import ROUTE_NAMES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_cache")]

REPORT = {DataKind.CREDIT_REPORT}
# The kinds of data that each page shows.
SHOWN: dict[str, set[DataKind]] = {
    "account": {DataKind.BALANCES, DataKind.TRANSACTIONS},
    "accounts": {DataKind.BALANCES},
    "credit": {DataKind.CREDIT_REPORT, DataKind.CREDIT_SCORE},
    "credit_account": REPORT,
    "credit_accounts": REPORT,
    "credit_changes": REPORT,
    "credit_history": {DataKind.CREDIT_SCORE},
    "credit_inquiries": REPORT,
    "credit_personal": REPORT,
    "credit_raw_download": {DataKind.RAW_REPORT},
    "credit_raw_page": {DataKind.RAW_REPORT},
    "credit_records": REPORT,
    "credit_utilization": {DataKind.CREDIT_REPORT, DataKind.BALANCES},
    "figure_checks": {DataKind.BALANCES},
    "item": {DataKind.BALANCES},
    "monthly_totals": {DataKind.TRANSACTIONS},
    "notifications": {DataKind.NOTIFICATIONS},
    "split": {DataKind.TRANSACTIONS},
    "overview": {DataKind.BALANCES, DataKind.TRANSACTIONS},
    "recurring": {DataKind.TRANSACTIONS},
    "transaction": {DataKind.TRANSACTIONS},
    "transactions": {DataKind.TRANSACTIONS},
    "transactions-csv": {DataKind.TRANSACTIONS},
    "transfer": {DataKind.TRANSACTIONS},
}
# Pages that read these tables and show none of their contents.
SHOW_NOTHING = {
    "change_rule": "shows the accounts and categories that a rule can have",
    "create_rule": "shows the accounts and categories that a rule can have",
    "credit_raw": "redirects to the newest raw report",
    "delete_account": "shows how many rows there are",
    "edit_account": "shows an account's names",
    "remove_account": "shows how many rows there are",
    "disconnect": "shows how many rows there are",
    "hosted_return": "connects a bank that is not connected yet",
    "importing": "shows how many rows came so far",
    "open_notification": "redirects",
    "withdraw_bank_data": "shows how many rows there are",
}
TABLES = (
    "banking_account", "banking_transaction", "banking_balancesnapshot", "credit_report", "credit_rawreport",
    "banking_transactiontotal", "banking_liability", "banking_recurringstream", "insights_figurecheck",
    "accounts_notification",
)  # fmt: skip
PAGES = [name for name in ROUTE_NAMES if not name.startswith("admin:") and name != "sandbox"]


@pytest.fixture(autouse=True)
def _no_recent_minutes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin each test as a new process does."""
    monkeypatch.setattr(daily_access, "recent_minutes", RecentMinutes(0))
    return


@pytest.fixture
def as_alice(as_alice: Client, alice: User, with_second_factor: Callable[..., Client]) -> Client:
    """Alice has an authenticator app and recovery codes, and has just entered a code."""
    add_recovery_codes(alice)
    return with_second_factor(as_alice, alice)


def list_recorded_kinds(owner: User) -> set[str]:
    """Return the kinds that were recorded, and delete their rows."""
    with tenant(owner.pk):
        kinds = set(DailyAccess.objects.values_list("kind", flat=True))
        DailyAccess.objects.all().delete()
    return kinds


def reads_data(queries: CaptureQueriesContext) -> bool:
    """Whether a page read rows of a table with bank or credit data. The header counts notifications elsewhere."""
    return any(f'FROM "{table}"' in query["sql"] for query in queries for table in TABLES)


def test_its_pages_record_what_they_show(as_alice: Client, alice: User, owned_objects: OwnedObjects) -> None:
    recorded = {}
    for name in PAGES:
        as_alice.get(get_url(name, owned_objects))
        if kinds := list_recorded_kinds(alice):
            recorded[name] = kinds
    assert recorded == SHOWN


def test_its_other_pages_read_no_bank_or_credit_data(as_alice: Client, owned_objects: OwnedObjects) -> None:
    reading = set()
    for name in PAGES:
        with CaptureQueriesContext(connection) as queries:
            as_alice.get(get_url(name, owned_objects))
        if reads_data(queries):
            reading.add(name)
    assert reading - SHOWN.keys() == SHOW_NOTHING.keys()


def test_it_records_nothing_for_someone_who_has_no_data(
    as_mallory: Client, mallory: User, owned_objects: OwnedObjects
) -> None:
    # The file is an export, also when it is empty.
    for name in SHOWN.keys() - {"transactions-csv"}:
        as_mallory.get(get_url(name, owned_objects))
    assert list_recorded_kinds(mallory) == set()


def test_a_refused_form_of_the_raw_report_is_recorded_too(
    as_alice: Client, alice: User, owned_objects: OwnedObjects
) -> None:
    response = as_alice.post(get_url("credit_raw_download", owned_objects))
    assert response.status_code == 422
    assert list_recorded_kinds(alice) == {DataKind.RAW_REPORT}
