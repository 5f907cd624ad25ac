"""The page of alerts and its settings, which show nothing of other users."""

import re
from datetime import time
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, NotificationSettings, User
from accounts.notifications.forms import list_time_zones
from accounts.notifications.inbox import PAGE_SIZE, notify
from accounts.notifications.notification_types import OPTIONAL_TYPES, NotificationType
from accounts.tests.messages import PlainMessage
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db

FORM = {
    "frequency": "daily",
    "quiet_hours_start": "22:00",
    "quiet_hours_end": "07:00",
    "time_zone": "America/New_York",
}
FORM |= {"large_transaction": "1250.50", "credit_score.app": "on", "bank_reconnect.mail": "on"}


def notify_user(user: User, fingerprint: str = "1", **options: Any) -> Notification:
    title, text = options.pop("title", "Chase wants you to sign in"), options.pop("text", "")
    defaults = {"type": NotificationType.BANK_RECONNECT, "url": "/overview/"}
    notify(
        user_id=user.pk, fingerprint=fingerprint, message=PlainMessage(title=title, text=text), **(defaults | options)
    )
    with tenant(user.pk):
        return Notification.objects.order_by("-id")[0]


def get_page(client: Client, **query: object) -> str:
    response = client.get(reverse("notifications"), query)
    assert response.status_code == 200
    return response.content.decode()


def get_unread_count(user: User) -> int:
    return User.objects.get(pk=user.pk).unread


# --- The list ---------------------------------------------------------------------------------------------


def test_it_says_that_there_are_no_alerts(as_alice: Client) -> None:
    page = get_page(as_alice)
    assert "No alerts yet." in page
    assert "unread alert" not in page


def test_it_shows_alerts_and_counts_them_in_the_menu(as_alice: Client, alice: User) -> None:
    notify_user(alice, text="Its figures stay as they were.")
    page = get_page(as_alice)
    assert "Chase wants you to sign in" in page
    assert "Its figures stay as they were." in page
    assert '1<span class="vh"> unread alert</span>' in page


def test_it_shows_99_plus_for_more_unread_alerts(as_alice: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(unread=100)
    assert '99+<span class="vh"> unread alerts</span>' in get_page(as_alice)


def test_it_escapes_titles_and_texts(as_alice: Client, alice: User) -> None:
    notify_user(alice, title="<b>Bold</b> Bank", text="<script>alert(1)</script>")
    page = get_page(as_alice)
    assert "&lt;b&gt;Bold" in page
    assert "<script>alert(1)" not in page


def test_it_redirects_to_the_alerts_page_and_marks_it_as_read(as_alice: Client, alice: User) -> None:
    row = notify_user(alice, url="/overview/?range=1y")
    response = as_alice.get(reverse("open_notification", args=[row.pk]))
    assert (response.status_code, response.headers["Location"]) == (302, "/overview/?range=1y")
    assert get_unread_count(alice) == 0


def test_it_redirects_to_the_list_if_an_alert_has_no_url(as_alice: Client, alice: User) -> None:
    row = notify_user(alice, url="")
    assert as_alice.get(reverse("open_notification", args=[row.pk])).headers["Location"] == reverse("notifications")
    assert reverse("open_notification", args=[row.pk]) + '"' not in get_page(as_alice)


def test_it_marks_one_as_read(as_alice: Client, alice: User) -> None:
    row, _ = notify_user(alice, "1"), notify_user(alice, "2")
    assert as_alice.post(reverse("mark_notification_read", args=[row.pk])).headers["Location"] == reverse(
        "notifications"
    )
    assert get_unread_count(alice) == 1


def test_it_marks_all_as_read_that_the_page_showed(as_alice: Client, alice: User) -> None:
    notify_user(alice, "1")
    until = as_alice.get(reverse("notifications")).context["until"]
    notify_user(alice, "2")
    as_alice.post(reverse("mark_all_notifications_read"), {"until": until})
    assert get_unread_count(alice) == 1


@pytest.mark.parametrize("until", ["", "yesterday", "9" * 400, "2026-13-45T00:00:00.0+00:00", "\0"])
def test_it_marks_nothing_as_read_for_an_invalid_time(as_alice: Client, alice: User, until: str) -> None:
    notify_user(alice)
    assert as_alice.post(reverse("mark_all_notifications_read"), {"until": until}).status_code == 302
    assert get_unread_count(alice) == 1


def test_it_shows_older_alerts_on_the_next_page(as_alice: Client, alice: User) -> None:
    for number in range(PAGE_SIZE + 1):
        notify_user(alice, str(number), title=f"Thing {number:02}.")
    first, second = get_page(as_alice), get_page(as_alice, page=1)
    assert (first.count("Thing "), second.count("Thing ")) == (2 * PAGE_SIZE, 2)
    assert 'href="?page=1"' in first
    assert "Thing 00." in second
    assert 'href="?page=0"' in second
    assert "No older alerts." in get_page(as_alice, page=2)


@pytest.mark.parametrize("number", ["-1", "x", "9" * 400, "²", "1.5"])
def test_it_shows_the_first_page_for_an_invalid_number(as_alice: Client, alice: User, number: str) -> None:
    notify_user(alice)
    assert "Chase wants you" in get_page(as_alice, page=number)


def test_it_queries_once_for_the_list_and_never_for_the_count(as_alice: Client, alice: User) -> None:
    for number in range(3):
        notify_user(alice, str(number))
    with CaptureQueriesContext(connection) as of_help:
        assert "3<span" in as_alice.get(reverse("help")).content.decode()
    with CaptureQueriesContext(connection) as of_list:
        get_page(as_alice)
    # One more statement counts the view.
    tables = [re.findall(r'FROM "?(\w+)', query["sql"]) for query in of_list if query["sql"].startswith("SELECT")]
    assert tables == [["django_session"], ["accounts_user"], ["accounts_notification"], []]
    assert len(of_help) == len(of_list) - 2


def test_it_shows_nothing_of_another_user(as_mallory: Client, alice: User) -> None:
    row = notify_user(alice)
    assert "Chase" not in get_page(as_mallory)
    assert as_mallory.get(reverse("open_notification", args=[row.pk])).status_code == 404
    assert as_mallory.post(reverse("mark_notification_read", args=[row.pk])).status_code == 404
    as_mallory.post(reverse("mark_all_notifications_read"), {"until": timezone.now().isoformat()})
    assert get_unread_count(alice) == 1
    assert as_mallory.get(reverse("open_notification", args=[uuid4()])).status_code == 404


# --- The settings -----------------------------------------------------------------------------------------


def test_it_has_everything_on_by_default(as_alice: Client) -> None:
    form = as_alice.get(reverse("notification_settings")).context["form"]
    assert all(row.app.value() and row.mail.value() for row in form.preference_rows())
    assert [form[name].value() for name in ("frequency", "time_zone", "large_transaction")] == [
        "immediate",
        "UTC",
        Decimal(500),
    ]


def test_it_stores_and_shows_the_settings(as_alice: Client, alice: User) -> None:
    assert as_alice.post(reverse("notification_settings"), FORM).headers["Location"] == reverse("notification_settings")
    with tenant(alice.pk):
        stored = NotificationSettings.objects.get()
    assert (stored.frequency, stored.time_zone, stored.large_transaction) == (
        "daily",
        "America/New_York",
        Decimal("1250.50"),
    )
    assert (stored.quiet_hours_start, stored.quiet_hours_end) == (time(22), time(7))
    assert len(stored.disabled) == 2 * len(OPTIONAL_TYPES) - 2
    page = as_alice.get(reverse("notification_settings")).content.decode()
    assert page.count(" checked") == 2
    assert 'value="22:00"' in page
    assert '<option value="America/New_York" selected>' in page


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("quiet_hours_end", "", "Enter a start and an end"),
        ("quiet_hours_start", "", "Enter a start and an end"),
        ("quiet_hours_start", "25:00", "valid time"),
        ("time_zone", "Mars/Olympus", "valid choice"),
        ("time_zone", "../../etc/passwd", "valid choice"),
        ("frequency", "hourly", "valid choice"),
        ("large_transaction", "0", "greater than or equal to 0.01"),
        ("large_transaction", "NaN", "Enter a number"),
        ("large_transaction", "9" * 40, "no more than 14 digits"),
        ("large_transaction", "", "required"),
    ],
)
def test_it_shows_an_error_and_stores_nothing(
    as_alice: Client, alice: User, field: str, value: str, error: str
) -> None:
    response = as_alice.post(reverse("notification_settings"), FORM | {field: value})
    assert response.status_code == 200
    page = response.content.decode()
    assert error in page
    assert "Error: Alert settings" in page
    with tenant(alice.pk):
        assert not NotificationSettings.objects.exists()


def test_it_offers_utc_and_city_zones() -> None:
    names = [name for name, _ in list_time_zones()]
    assert names[0] == "UTC"
    assert {"America/New_York", "Europe/Berlin", "Asia/Kolkata"} <= set(names)
    assert len(set(names)) == len(names)


def test_it_offers_no_way_to_turn_off_notices_about_deletion(as_alice: Client) -> None:
    page = as_alice.get(reverse("notification_settings")).content.decode()
    assert "data_retention" not in page
    assert "low_runway.mail" in page
