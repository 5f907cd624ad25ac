"""The text of a notification is found by its code, and unreadable notifications do not affect others."""

import logging
from collections.abc import Callable
from typing import ClassVar
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Notification, User
from accounts.notifications.inbox import notify
from accounts.notifications.messages import (
    MessageText,
    NotificationMessage,
    UnknownMessage,
    decode_message,
    register_message,
)
from accounts.notifications.notification_types import NotificationType
from accounts.tests.messages import PlainMessage
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db


def store(user: User, **columns: str) -> Notification:
    """Store a notification with other values in its columns than this version writes."""
    message = PlainMessage(title="A score rose")
    notify(user_id=user.pk, type=NotificationType.CREDIT_SCORE, message=message, fingerprint=str(columns))
    with tenant(user.pk):
        row = Notification.objects.latest("id")
        for name, value in columns.items():
            setattr(row, name, value)
        row.save()
    return row


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("of_a_later_version", "{}"),
        ("test_plain", "{}"),
        ("test_plain", '{"title": 7}'),
        ("test_plain", "[]"),
        ("test_plain", ""),
        ("test_plain", '{"title": "x"'),
    ],
)
def test_it_shows_the_type_if_a_message_cannot_be_read(
    as_alice: Client, alice: User, code: str, values: str, caplog: pytest.LogCaptureFixture
) -> None:
    row = store(alice, code=code, values=values)
    store(alice)
    page = as_alice.get(reverse("notifications")).content.decode()

    assert "Your credit score changed" in page
    assert "Cannot be read" in page
    assert "A score rose" in page
    errors = [line.getMessage() for line in caplog.records if line.levelno == logging.ERROR]
    assert errors == [f"Notification {row.pk} cannot be described: code {code}"]


def test_it_shows_a_notification_of_an_unknown_type(as_alice: Client, alice: User) -> None:
    store(alice, type="of_a_later_version", code="of_a_later_version")

    assert "Alert</strong>" in as_alice.get(reverse("notifications")).content.decode()


def test_it_shows_the_type_if_a_message_cannot_be_described(
    as_alice: Client, alice: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def describe(message: PlainMessage) -> MessageText:
        return MessageText(title={"A score rose": "A score rose"}[message.title])

    monkeypatch.setattr(PlainMessage, "describe", describe)
    row = store(alice, values='{"title": "BEACON CARD"}')
    store(alice)
    page = as_alice.get(reverse("notifications")).content.decode()

    assert "Cannot be read" in page
    assert "A score rose" in page
    errors = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert [line.getMessage() for line in errors] == [
        f"Notification {row.pk} cannot be described: code test_plain, KeyError"
    ]
    assert "BEACON" not in caplog.text


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_it_reads_and_reports_a_damaged_data_key_once_per_page(
    as_alice: Client, alice: User, damage_keys: Callable[[UUID], None], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        store(alice, url=f"/overview/?page={number}")
    damage_keys(alice.pk)
    with CaptureQueriesContext(connection) as queries:
        page = as_alice.get(reverse("notifications")).content.decode()

    assert page.count("Cannot be read") == 3
    assert len([query for query in queries if "FROM compliance_datakey" in query["sql"]]) == 1
    assert [line.levelno for line in caplog.records if "SEALED_VALUE_UNREADABLE" in line.getMessage()] == [
        logging.CRITICAL
    ]


def test_it_raises_without_the_values_that_cannot_be_read() -> None:
    with pytest.raises(UnknownMessage) as failure:
        decode_message("test_plain", '{"title": ["BEACON CARD"]}')

    assert failure.value.__context__ is None
    assert "BEACON" not in str(failure.value)


def test_it_rejects_values_without_a_field() -> None:
    with pytest.raises(UnknownMessage):
        decode_message("test_plain", '{"title": "x", "renamed": "y"}')


def test_it_rejects_a_code_that_another_message_has() -> None:
    class Second(NotificationMessage, frozen=True):
        code: ClassVar[str] = "test_plain"

    with pytest.raises(ImproperlyConfigured, match="'test_plain'"):
        register_message(Second)
