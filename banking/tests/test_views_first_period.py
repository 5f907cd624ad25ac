"""Choosing how long transactions are kept on the page that connects the first bank."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.models import Item, Transaction
from banking.provider import Unavailable
from banking.retention.first_choice import choose_first_period
from banking.tests.factories import make_account, make_transaction
from banking.tests.link_dialog import AGREED, make_failing_call
from banking.tests.scripted_provider import ScriptedProvider
from banking.views import linking
from compliance.isolation import tenant
from compliance.retention.models import RetentionSetting
from compliance.retention.rules import EVERYTHING
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


def load_setting(user: User) -> RetentionSetting | None:
    with tenant(user.pk):
        return RetentionSetting.objects.filter(owner=user, data_type="transactions").first()


def test_it_proposes_ninety_days_before_the_first_bank(as_alice: Client, provider: ScriptedProvider) -> None:
    text = page_text(as_alice.get(reverse("connect")))
    for words in ("90 days", "Two years (730 days)", "Until you delete your account", "Don't keep my transactions"):
        assert words in text, words
    assert re.search(r'<input type="radio" name="period" value="90"[^>]* checked', text)


@pytest.mark.parametrize(("period", "days"), [("90", 90), ("730", 730), ("all", None), ("0", 0)])
def test_it_stores_the_choice_before_the_dialog_opens(
    as_alice: Client, alice: User, provider: ScriptedProvider, period: str, days: int | None
) -> None:
    as_alice.post(reverse("connect"), AGREED | {"period": period})
    setting = load_setting(alice)
    assert setting is not None
    assert setting.days_to_retain == days
    # Nothing is stored yet, so keeping nothing counts at once; anything else needs its notice first.
    assert setting.first_day_kept(timezone.now()) == (EVERYTHING if days == 0 else None)


def test_it_shows_a_former_choice_and_does_not_change_it(
    as_alice: Client, alice: User, provider: ScriptedProvider
) -> None:
    as_alice.post(reverse("connect"), AGREED | {"period": "all"})
    text = page_text(as_alice.get(reverse("connect")))
    assert "How long we keep your transactions: Until you delete your account." in text
    assert 'name="period"' not in text
    assert "link-sandbox-2" in page_text(as_alice.post(reverse("connect"), AGREED | {"period": "all"}))
    setting = load_setting(alice)
    assert setting is not None
    assert setting.days_to_retain is None


def test_it_says_that_another_choice_was_made(as_alice: Client, alice: User, provider: ScriptedProvider) -> None:
    """In a second tab, which asked before the first one was sent. The page then asks no more, and can be sent again."""
    as_alice.post(reverse("connect"), AGREED | {"period": "0"})
    page = as_alice.post(reverse("connect"), AGREED | {"period": "730"})
    text = page_text(page)
    assert (page.status_code, provider.links) == (422, 1)
    assert (
        "You already chose how long to keep your transactions: Don't keep my transactions. "
        "You can change it under Privacy and data."
    ) in text
    assert "Error: Connect a bank" in text
    assert 'name="period"' not in text
    setting = load_setting(alice)
    assert setting is not None
    assert setting.days_to_retain == 0


def test_it_says_so_if_the_other_choice_is_made_at_the_same_time(
    as_alice: Client, alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the other tab, after this request has found none."""

    def choose_in_other_tab(*arguments: object) -> bool:
        choose_first_period(user=alice, days=0)
        return True

    monkeypatch.setattr(linking, "has_shown_text", choose_in_other_tab)
    page = as_alice.post(reverse("connect"), AGREED | {"period": "730"})
    assert (page.status_code, provider.links) == (422, 0)
    assert "You already chose how long to keep your transactions: Don't keep my transactions." in page_text(page)
    assert 'name="period"' not in page_text(page)


def test_it_asks_again_if_the_first_choice_is_missing(
    as_alice: Client, alice: User, provider: ScriptedProvider
) -> None:
    page = as_alice.post(reverse("connect"), {"consent_version": AGREED["consent_version"]})
    text = page_text(page)
    assert (page.status_code, provider.links) == (422, 0)
    assert "Choose how long to keep your transactions." in text
    assert "Error: Connect a bank" in text
    assert load_setting(alice) is None


def test_it_needs_no_choice_where_the_page_asks_for_none(
    as_alice: Client, alice: User, provider: ScriptedProvider
) -> None:
    as_alice.post(reverse("connect"), AGREED | {"period": "730"})
    page = as_alice.post(reverse("connect"), {"consent_version": AGREED["consent_version"]})
    assert "link-sandbox-2" in page_text(page)
    setting = load_setting(alice)
    assert setting is not None
    assert setting.days_to_retain == 730


def test_it_keeps_nothing_of_the_next_bank_where_the_page_said_so(
    as_alice: Client, alice: User, item: Item, provider: ScriptedProvider
) -> None:
    """That was chosen while there were transactions, and these were deleted before an email about it was due."""
    make_transaction(make_account(item), "-5")
    choose_first_period(user=alice, days=0)
    with tenant(alice.pk):
        Transaction.objects.all().delete()
    assert "How long we keep your transactions: Don't keep my transactions." in page_text(
        as_alice.get(reverse("connect"))
    )
    as_alice.post(reverse("connect"), {"consent_version": AGREED["consent_version"]})
    setting = load_setting(alice)
    assert setting is not None
    assert setting.first_day_kept(timezone.now()) == EVERYTHING


def test_it_shows_the_stored_choice_when_the_dialog_does_not_open(
    as_alice: Client, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another answer on that page would not count."""
    monkeypatch.setattr(provider, "create_link_token", make_failing_call(Unavailable("TIMEOUT")))
    page = as_alice.post(reverse("connect"), AGREED | {"period": "730"})
    assert page.status_code == 503
    assert "How long we keep your transactions: Two years (730 days)." in page_text(page)


@pytest.mark.parametrize("period", ["30", "91", "-1", "all,90"])
def test_it_opens_no_dialog_for_a_period_that_is_not_offered(
    as_alice: Client, provider: ScriptedProvider, period: str
) -> None:
    assert as_alice.post(reverse("connect"), AGREED | {"period": period}).status_code == 422
    assert provider.links == 0
