"""The page to opt out of selling and sharing, also after its text has changed, and Global Privacy Control."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.tests.conftest import NEW_VERSION, NEW_WORDS
from accounts.tests.pages import CONSENTS, DO_NOT_SELL, OPT_OUT, list_kinds, sign_in
from compliance.consent import Purpose, get_active_consent
from conftest import PASSWORD, make_signed_in_client
from ui.tests.page_text import page_text, visible_text

pytestmark = pytest.mark.django_db(transaction=True)

GPC = {"HTTP_SEC_GPC": "1"}
SIGNAL = "Your browser sends Global Privacy Control. We treat it as an opt-out."


def test_it_records_an_opt_out_and_takes_it_back(as_alice: Client, alice: User) -> None:
    assert "No opt-out is on record." in page_text(as_alice.get(DO_NOT_SELL))
    for _ in range(2):
        as_alice.post(DO_NOT_SELL, OPT_OUT)
    assert "Your opt-out is on record." in page_text(as_alice.get(DO_NOT_SELL))
    as_alice.post(DO_NOT_SELL, {"action": "end"})
    assert list_kinds(alice, Purpose.DO_NOT_SELL) == [("granted", "web"), ("withdrawn", "web")]


def test_it_asks_anonymous_users_to_sign_in_to_opt_out(anonymous: Client) -> None:
    assert "To record your opt-out, sign in." in page_text(anonymous.get(DO_NOT_SELL))
    assert anonymous.post(DO_NOT_SELL).url == f"{reverse('account_login')}?next={DO_NOT_SELL}"
    assert SIGNAL not in page_text(anonymous.get(DO_NOT_SELL))
    assert SIGNAL in page_text(anonymous.get(DO_NOT_SELL, **GPC))


def test_it_records_the_signal_of_a_browser_once(alice: User) -> None:
    client = make_signed_in_client(alice)
    for _ in range(3):
        client.get(reverse("overview"), **GPC)
    make_signed_in_client(alice).get(reverse("overview"), **GPC)
    assert list_kinds(alice, Purpose.DO_NOT_SELL) == [("granted", "gpc")]
    page = page_text(client.get(DO_NOT_SELL, **GPC))
    assert SIGNAL in page
    assert "Your opt-out is on record." in page
    assert "Take my opt-out back" not in page
    assert "Your browser opted you out" in page_text(client.get(CONSENTS, **GPC))


def test_it_keeps_the_opt_out_of_a_browser_that_sends_the_signal(alice: User) -> None:
    client = make_signed_in_client(alice)
    client.post(DO_NOT_SELL, {"action": "end"}, **GPC)
    assert list_kinds(alice, Purpose.DO_NOT_SELL) == [("granted", "gpc")]
    client.post(DO_NOT_SELL, {"action": "end"})
    assert get_active_consent(user_id=alice.pk, purpose=Purpose.DO_NOT_SELL) is None


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_it_records_choices_of_a_user_whose_data_key_is_damaged(
    as_alice: Client, alice: User, damage_keys: Callable[[UUID], None]
) -> None:
    damage_keys(alice.pk)
    assert as_alice.get(reverse("overview"), **GPC).status_code == 200
    as_alice.post(DO_NOT_SELL, {"action": "end"})
    as_alice.post(DO_NOT_SELL, OPT_OUT)
    assert list_kinds(alice, Purpose.DO_NOT_SELL) == [("granted", "gpc"), ("withdrawn", "web"), ("granted", "web")]


def test_it_records_the_signal_again_after_another_session_ended_the_opt_out(alice: User, time_machine) -> None:
    client = make_signed_in_client(alice)
    client.get(reverse("overview"), **GPC)
    make_signed_in_client(alice).post(DO_NOT_SELL, {"action": "end"})
    time_machine.move_to(timezone.now() + timedelta(minutes=1))
    for _ in range(2):
        client.get(reverse("overview"), **GPC)
    expected = [("granted", "gpc"), ("withdrawn", "web"), ("granted", "gpc")]
    assert list_kinds(alice, Purpose.DO_NOT_SELL) == expected


def test_it_reads_no_consents_for_the_signal_within_a_minute(alice: User) -> None:
    client = make_signed_in_client(alice)
    client.get(reverse("overview"), **GPC)
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("overview"), **GPC)
    assert [query["sql"] for query in queries if "consentevent" in query["sql"]] == []


@pytest.mark.parametrize("value", ["0", "", "2", "true"])
def test_it_records_nothing_without_the_signal(alice: User, value: str) -> None:
    make_signed_in_client(alice).get(reverse("overview"), HTTP_SEC_GPC=value)
    assert list_kinds(alice, Purpose.DO_NOT_SELL) == []


def test_it_records_the_signal_at_the_first_page_after_signing_in(anonymous: Client, alice: User) -> None:
    sign_in(anonymous, alice.email, PASSWORD)
    anonymous.get(reverse("overview"), **GPC)
    assert list_kinds(alice, Purpose.DO_NOT_SELL) == [("granted", "gpc")]


def test_it_tells_browsers_that_it_honors_the_signal(anonymous: Client) -> None:
    response = anonymous.get("/.well-known/gpc.json")
    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(response.content) == {"gpc": True, "lastUpdate": "2026-11-30"}


# --- A changed text ---------------------------------------------------------------------------------------


def test_it_says_that_an_opt_out_from_an_earlier_text_stays(
    as_alice: Client, alice: User, publish_new_version: Callable[[str], None]
) -> None:
    as_alice.post(DO_NOT_SELL, OPT_OUT)
    publish_new_version("do_not_sell")
    assert "This text has changed. Your opt-out stays in force." in visible_text(as_alice.get(CONSENTS))
    assert get_active_consent(user_id=alice.pk, purpose=Purpose.DO_NOT_SELL) is not None


@pytest.mark.parametrize("headers", [{}, GPC])
def test_it_lets_users_confirm_an_opt_out_under_a_changed_text(
    as_alice: Client, alice: User, publish_new_version: Callable[[str], None], headers: dict[str, str]
) -> None:
    sentence = "This text has changed since you opted out. Your opt-out stays in force."
    as_alice.post(DO_NOT_SELL, OPT_OUT)
    assert sentence not in visible_text(as_alice.get(DO_NOT_SELL, **headers))
    publish_new_version("do_not_sell")
    page = visible_text(as_alice.get(DO_NOT_SELL, **headers))
    assert (sentence in page, "Confirm my opt-out" in page, NEW_WORDS in page) == (True, True, True)
    assert as_alice.post(DO_NOT_SELL, OPT_OUT, **headers).status_code == 422
    for _ in range(2):
        as_alice.post(DO_NOT_SELL, {"action": "opt-out", "version": NEW_VERSION}, **headers)
    assert get_active_consent(user_id=alice.pk, purpose=Purpose.DO_NOT_SELL).version == NEW_VERSION
    assert list_kinds(alice, Purpose.DO_NOT_SELL) == [("granted", "web"), ("granted", "web")]
    page = visible_text(as_alice.get(DO_NOT_SELL, **headers))
    assert (sentence in page, "Confirm my opt-out" in page) == (False, False)
    assert "This text has changed." not in visible_text(as_alice.get(CONSENTS))


def test_it_records_no_agreement_to_a_changed_text_by_the_signal(
    as_alice: Client, alice: User, publish_new_version: Callable[[str], None]
) -> None:
    """A browser reads no text: the opt-out stays as it was recorded."""
    as_alice.post(DO_NOT_SELL, OPT_OUT)
    publish_new_version("do_not_sell")
    as_alice.get(reverse("overview"), **GPC)
    assert get_active_consent(user_id=alice.pk, purpose=Purpose.DO_NOT_SELL).version == OPT_OUT["version"]
