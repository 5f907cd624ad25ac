"""What changes retention settings locks the person's row first, as the erasure of the account does."""

from datetime import date, timedelta

import pytest
from django.utils import timezone
from msgspec.structs import replace

from accounts.deletion import erasure, requests
from accounts.models import User
from accounts.privacy.retention import announcements
from banking.forms import FirstPeriodForm
from banking.linking import consent_withdrawal, data_consent
from banking.models import Item
from banking.providers import DEFAULT_PROVIDER, provider_for
from banking.retention import first_choice
from banking.retention.transaction_rule import RULE
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import ScriptedProvider
from banking.views.linking import store_choices
from compliance.retention import choosing, purging
from compliance.retention.purging import ClaimedSetting
from compliance.tests.threads import Contender
from credit.enrollment.retention_rule import RAW_REPORTS
from credit.stored import raw_retention
from credit.tests.experian_samples import parse_sample
from credit.tests.factories import store_report

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])


@pytest.fixture
def eraser(alice: User) -> Contender:
    """The erasure of Alice's account."""
    return Contender(lambda: erase(alice))


def erase(user: User) -> None:
    requests.request_deletion(user=user, at_once=True)
    erasure.erase_account(owner_id=user.pk)


def claim_setting() -> ClaimedSetting:
    (claim,) = purging.claim_due_settings(limit=10)
    return claim


def test_a_notice_is_stored_while_the_account_is_erased(
    alice: User, item: Item, eraser: Contender, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_transaction(make_account(item), "-5", day=timezone.localdate() - timedelta(days=100))
    choosing.choose_period(user=alice, rule=RULE, days=30)
    claim = claim_setting()
    eraser.come_before(monkeypatch, announcements, "notify")
    assert announcements.send_notice(claim)
    eraser.finish()
    assert not User.objects.exists()


def test_no_notice_is_stored_after_the_account_was_erased(
    alice: User, item: Item, eraser: Contender, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_transaction(make_account(item), "-5", day=timezone.localdate() - timedelta(days=100))
    choosing.choose_period(user=alice, rule=RULE, days=30)
    claim = claim_setting()
    eraser.come_before(monkeypatch, announcements, "_mark_sent")
    assert not announcements.send_notice(claim)


def test_credit_reports_are_purged_while_the_account_is_erased(
    alice: User, eraser: Contender, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_report(alice, replace(parse_sample(), reported_on=date(2024, 1, 1)))
    choosing.choose_period(user=alice, rule=RAW_REPORTS, days=0, at_once=True)
    claim = claim_setting()
    eraser.come_before(monkeypatch, raw_retention, "_list_deletable")
    assert purging.purge_expired(claim) == 1
    eraser.finish()
    assert not User.objects.exists()


def test_a_period_is_chosen_while_the_account_is_erased(
    alice: User, item: Item, eraser: Contender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are kept again, so the banks of the person become due, whose rows the erasure locks."""
    choosing.choose_period(user=alice, rule=RULE, days=0)
    eraser.come_before(monkeypatch, choosing, "restores_rows")
    choosing.choose_period(user=alice, rule=RULE, days=90)
    eraser.finish()
    assert not User.objects.exists()


def test_a_first_period_is_chosen_while_the_account_is_erased(
    alice: User, eraser: Contender, monkeypatch: pytest.MonkeyPatch
) -> None:
    eraser.come_before(monkeypatch, first_choice, "choose_period")
    first_choice.choose_first_period(user=alice, days=90)
    eraser.finish()
    assert not User.objects.exists()


def test_a_first_period_is_chosen_while_the_consent_is_withdrawn(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = FirstPeriodForm({"period": "90"})
    assert form.is_valid()
    contender = Contender(lambda: consent_withdrawal.withdraw_bank_data(user=alice, keep_history=False))
    contender.come_before(monkeypatch, first_choice, "choose_first_period")
    store_choices(user=alice, agrees_to=provider_for(DEFAULT_PROVIDER), period_form=form)
    contender.finish()
    assert not data_consent.is_consent_active(alice)
