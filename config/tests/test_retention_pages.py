"""The pages on which a person chooses how long data is kept: what they preview, say and store."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace

from accounts.models import User
from banking.models import Account
from banking.retention.transaction_rule import RULE
from compliance.isolation import tenant
from compliance.retention import RetentionRule
from compliance.retention.choosing import choose_period
from compliance.retention.models import RetentionSetting
from config.tests.retention import ALERTS_GO_TOO, NOON, account, choose, clock, get_setting, jobs_at_once, run_beat
from credit.enrollment.retention_rule import RAW_REPORTS
from credit.tests.experian_samples import parse_sample
from credit.tests.factories import store_report

__all__ = ["account", "clock", "jobs_at_once"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("jobs_at_once")]


@pytest.fixture
def client(as_alice: Client, with_second_factor: Callable[..., Client], alice: User) -> Client:
    """Alice, who has just entered a code."""
    return with_second_factor(as_alice, alice)


def test_it_shows_what_the_next_purge_and_the_next_seven_days_take(
    client: Client, alice: User, account: Account, clock: Any
) -> None:
    choose(alice, 90)
    run_beat()
    text = client.get(reverse("retention")).content.decode()
    assert "3 entries" in text
    assert "95 days old" in text
    assert "10 days old" not in text
    assert "From Nov 29" in text


@pytest.mark.parametrize("period", ["90", "730"])
def test_it_says_in_the_preview_that_alerts_go_too(client: Client, account: Account, period: str) -> None:
    page = client.get(reverse("change_retention", args=["transactions"]), {"period": period}).content.decode()
    assert ALERTS_GO_TOO in page
    assert ("No entry that we keep now is deleted." in page) is (period == "730")


def test_it_previews_a_choice_and_stores_it_only_when_posted(
    client: Client, alice: User, account: Account, clock: Any
) -> None:
    url = reverse("change_retention", args=["transactions"])
    text = client.get(url, {"period": "90"}).content.decode()
    assert "3 entries" in text
    assert "Checking ••0000" in text
    with tenant(alice.pk):
        assert not RetentionSetting.objects.exists()
    assert client.post(url, {"period": "90"}).url == reverse("retention")
    assert get_setting(alice).days_to_retain == 90


def test_it_takes_until_deletion_as_a_choice(client: Client, alice: User, account: Account) -> None:
    client.post(reverse("change_retention", args=["transactions"]), {"period": "all"})
    setting = get_setting(alice)
    assert (setting.days_to_retain, setting.chosen_at is not None) == (None, True)


@pytest.mark.parametrize("period", ["", "31", "-1", "all ", "1e9", "NaN", "\u0000"])
def test_it_refuses_other_periods_beside_their_field(client: Client, alice: User, clock: Any, period: str) -> None:
    url = reverse("change_retention", args=["transactions"])
    for response in (client.get(url, {"period": period}), client.post(url, {"period": period})):
        assert response.status_code == 422
    with tenant(alice.pk):
        assert not RetentionSetting.objects.exists()


def test_it_says_what_keeping_nothing_means(client: Client, account: Account) -> None:
    response = client.get(reverse("change_retention", args=["transactions"]), {"period": "0"})
    text = response.content.decode()
    assert "stores only the totals" in text
    assert "4 entries" in text
    assert "We email you first" in text


def test_it_promises_no_email_where_nothing_is_stored(client: Client, alice: User) -> None:
    text = client.get(reverse("change_retention", args=["transactions"]), {"period": "0"}).content.decode()
    assert "This counts at once." in text
    assert "We email you first" not in text
    assert choose(alice, 0).effective_at is not None


@pytest.mark.parametrize("rule", [RULE, RAW_REPORTS])
@pytest.mark.parametrize("before", [None, 0, 730])
def test_it_says_on_the_page_when_each_choice_counts(
    client: Client, alice: User, account: Account, clock: Any, rule: RetentionRule, before: int | None
) -> None:
    store_report(alice, replace(parse_sample(), reported_on=NOON.date() - timedelta(days=500)))
    for days in [choice.days for choice in rule.choices if choice.days != before]:
        choose_period(user=alice, rule=rule, days=before, at_once=True)
        page = client.get(reverse("change_retention", args=[rule.data_type]), {"period": to_value(days)})
        text = page.content.decode()
        setting = choose_period(user=alice, rule=rule, days=days)
        assert ("We email you first" in text) == (setting.effective_at is None)
        assert ("This counts at once" in text) == (setting.effective_at == NOON)
        assert ("from your connected banks again" in text) == (before == 0 and rule is RULE)
        assert ("isn't restored" in text or "isn&#x27;t restored" in text) == (
            setting.effective_at == NOON and not (before == 0 and rule is RULE)
        )


def to_value(days: int | None) -> str:
    return "all" if days is None else str(days)


def test_it_says_on_the_page_that_keeping_nothing_counts_at_once_if_nothing_is_stored(
    client: Client, alice: User, clock: Any
) -> None:
    for rule in (RULE, RAW_REPORTS):
        page = client.get(reverse("change_retention", args=[rule.data_type]), {"period": "0"}).content.decode()
        assert "This counts at once" in page
        assert "We email you first" not in page


def test_it_shows_nothing_of_another_person(as_mallory: Client, alice: User, account: Account) -> None:
    choose(alice, 90)
    text = as_mallory.get(reverse("retention")).content.decode()
    assert "entries" not in text
    assert "90 days" not in text.split("The same for everyone")[0].split("Transactions</h2>")[1].split("</section>")[0]
