"""Choose how long data is kept in tests, run the jobs that apply it, and read what is stored."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from accounts.models import User
from accounts.privacy.retention.tasks import apply_retention, dispatch_due_retention
from banking.models import Account, Item, Transaction
from banking.retention.transaction_rule import RULE
from banking.tests.factories import make_account, make_transaction
from compliance.isolation import tenant
from compliance.retention.choosing import choose_period
from compliance.retention.models import RetentionSetting

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
OLD_DAYS = (200, 100, 95)
ALERTS_GO_TOO = "Alerts about large transactions are deleted when they are as old."


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as time_traveller:
        yield time_traveller


@pytest.fixture
def jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a job when it is queued, as a worker does a moment later."""
    monkeypatch.setattr(apply_retention, "apply_async", lambda arguments, queue: apply_retention(*arguments))


@pytest.fixture
def account(clock: Any, alice: User, make_item: Callable[..., Item]) -> Account:
    """An account with three rows that are older than 90 days, and one that is not."""
    account = make_account(make_item(alice))
    for days in (*OLD_DAYS, 10):
        make_transaction(account, "-5", day=(NOON - timedelta(days=days)).date(), name=f"{days} days old")
    return account


def run_beat(clock: Any = None, **passed: int) -> None:
    if clock:
        clock.shift(timedelta(**passed))
    dispatch_due_retention()


def count_rows(user: User) -> int:
    with tenant(user.pk):
        return Transaction.objects.for_user(user).count()


def get_setting(user: User) -> RetentionSetting:
    with tenant(user.pk):
        return RetentionSetting.objects.get(owner=user, data_type="transactions")


def choose(user: User, days: int | None, **options: bool) -> RetentionSetting:
    return choose_period(user=user, rule=RULE, days=days, **options)
