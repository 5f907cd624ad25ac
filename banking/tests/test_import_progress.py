from datetime import timedelta

import pytest
from django.utils import timezone

from banking.models import Connection, Item
from banking.provider import Readiness
from banking.sync.progress import import_progress
from banking.sync.progress.import_progress import ImportProgress
from banking.tests.factories import make_account, make_transaction
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db


def get_progress_after(item: Item, wait: timedelta, **fields: object) -> ImportProgress:
    for name, value in fields.items():
        setattr(item, name, value)
    with tenant(item.owner_id):
        return import_progress.import_progress(item=item, at=item.connected_at + wait)


SECOND = timedelta(seconds=1)
INSTITUTION = {"institution_name": "First Platypus Bank"}


@pytest.mark.parametrize(
    ("seconds", "fields", "state", "step", "sentence"),
    [
        (0, {}, "running", 1, "Importing from First Platypus Bank."),
        (600, {}, "running", 1, "Importing from First Platypus Bank."),
        (601, {}, "slow", 1, "Still importing from First Platypus Bank."),
        (
            9,
            {"readiness": Readiness.INITIAL},
            "running",
            2,
            "Recent transactions are in. Older ones are still importing.",
        ),
        (9, {"readiness": Readiness.HISTORICAL}, "done", 3, "Import from First Platypus Bank is complete."),
        (9, {"failures": 1}, "failed", 1, "Import from First Platypus Bank was interrupted."),
        (601, {"failures": 1}, "failed", 1, "Import from First Platypus Bank was interrupted."),
        (
            9,
            {"connection": Connection.LOGIN_REQUIRED, "readiness": Readiness.INITIAL},
            "failed",
            2,
            "Import from First Platypus Bank was interrupted.",
        ),
        (
            99_999,
            {"connection": Connection.REMOVED, "readiness": Readiness.HISTORICAL, "failures": 9},
            "done",
            3,
            "Import from First Platypus Bank is complete.",
        ),
    ],
)
def test_it_returns_the_state_and_step_of_an_import(
    item: Item, seconds: int, fields: dict[str, object], state: str, step: int, sentence: str
) -> None:
    progress = get_progress_after(item, seconds * SECOND, **fields)
    assert (progress.state, progress.step, progress.steps, progress.sentence) == (state, step, 3, sentence)


def test_it_is_polled_less_often_after_30_seconds(item: Item) -> None:
    assert get_progress_after(item, 29 * SECOND).poll_seconds == 2
    assert get_progress_after(item, 30 * SECOND).poll_seconds == 5


def test_it_counts_open_accounts_and_current_transactions(item: Item, make_item) -> None:
    account = make_account(item)
    make_account(item, name="Closed", closed_at=timezone.now())
    make_transaction(account, "-1")
    make_transaction(account, "-1", pending=True)
    make_transaction(account, "-1", removed_at=timezone.now())
    make_transaction(make_account(make_item(item.owner, provider_item_id="another")), "-1")
    progress = get_progress_after(item, SECOND)
    assert (progress.history.accounts, progress.history.transactions) == (1, 2)
