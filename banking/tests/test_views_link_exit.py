"""Closing Link without a connection, and what is stored about it for support."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.linking.sessions import open_link
from banking.linking.update_mode import open_update_mode
from banking.models import Connection, Item, LinkSession
from banking.provider import LoginRequired, ProviderError
from banking.tests.factories import update_item
from banking.tests.job_queue import queued_jobs
from banking.tests.link_dialog import OUTAGES, post_public_token, reload_session
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(alice: User, provider: ScriptedProvider) -> LinkSession:
    """An open link session of Alice's."""
    return open_link(user=alice).session


def post_exit(client: Client, session: LinkSession, **fields: str):
    return client.post(reverse("close_link", args=[session.pk]), fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ""),
        ({"error_code": "INVALID_CREDENTIALS", "exit_status": "requires_credentials"}, "INVALID_CREDENTIALS"),
        ({"error_code": "A\0B"}, ""),
        ({"error_code": "<script>"}, ""),
        ({"error_code": "E" * 5000}, ""),
        ({"error_code": "☕"}, ""),
    ],
)
def test_it_stores_the_error_code_of_the_exit(
    as_alice: Client, alice: User, session: LinkSession, fields: dict[str, str], expected: str
) -> None:
    page = post_exit(as_alice, session, **fields)
    assert page.status_code == 200
    assert "<script>" not in page.content.decode().split("<main")[1]
    closed_session = reload_session(alice, session)
    assert (closed_session.state, closed_session.error_code) == (LinkSession.State.ABANDONED, expected)


def test_it_accepts_a_token_after_the_dialog_was_closed(as_alice: Client, alice: User, session: LinkSession) -> None:
    post_exit(as_alice, session)
    assert post_public_token(as_alice, session).status_code == 302
    response = post_exit(as_alice, session, error_code="LATE")
    linked_session = reload_session(alice, session)
    assert linked_session.state == LinkSession.State.LINKED
    assert response.url == reverse("item", args=[linked_session.item_id])


def test_it_does_not_close_another_users_session(as_mallory: Client, alice: User, session: LinkSession) -> None:
    assert post_exit(as_mallory, session).status_code == 404
    assert reload_session(alice, session).state == LinkSession.State.OPEN


def test_it_stores_the_ids_of_the_exit_and_shows_a_reference(
    as_alice: Client, alice: User, session: LinkSession
) -> None:
    fields = {
        "error_code": "INSTITUTION_DOWN",
        "exit_status": "requires_credentials",
        "request_id": "Nnclj9HntPMu5dm",
        "link_session_id": "43face8b-a5c2-42a4-adec-4a4ec589eb46",
    }
    page = as_alice.post(reverse("close_link", args=[session.pk]), fields)
    with tenant(alice.pk):
        session.refresh_from_db()
    assert {name: getattr(session, name) for name in fields} == fields
    assert str(session.pk) in page_text(page)


# --- A bank that the user repaired before the dialog closed ------------------------------------------------


@pytest.fixture
def lost_item(item: Item, alice: User, provider: ScriptedProvider) -> Item:
    """Alice's bank, which requires a sign-in."""
    open_link(user=alice)  # The consent exists.
    provider.set_item_error("ITEM_LOGIN_REQUIRED")
    return update_item(item, connection=Connection.LOGIN_REQUIRED, error_code="ITEM_LOGIN_REQUIRED")


def test_it_sees_a_repair_although_the_dialog_was_closed(
    as_alice: Client, alice: User, lost_item: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=lost_item.pk).session
    provider.set_item_error("")
    response = post_exit(as_alice, session, exit_status="requires_credentials")
    assert (response.status_code, response.url) == (302, reverse("importing", args=[lost_item.pk]))
    assert update_item(lost_item).connection == Connection.ACTIVE
    assert [job.arguments[-1] for job in queued_jobs(lost_item.pk)] == ["link"]
    assert reload_session(alice, session).exit_status == "requires_credentials"


@pytest.mark.parametrize(
    "error", [LoginRequired("ITEM_LOGIN_REQUIRED"), *OUTAGES], ids=lambda error: type(error).__name__
)
def test_it_shows_the_usual_page_if_no_repair_is_seen(
    as_alice: Client, alice: User, lost_item: Item, provider: ScriptedProvider, error: ProviderError
) -> None:
    session = open_update_mode(user=alice, item_id=lost_item.pk).session
    provider.item_outcome = error
    response = post_exit(as_alice, session)
    assert (response.status_code, provider.item_calls) == (200, 1)
    assert "Your bank still needs you to sign in" in page_text(response)
    assert error.code not in page_text(response)
    assert update_item(lost_item).connection == Connection.LOGIN_REQUIRED


def test_it_shows_the_usual_page_while_a_sync_holds_the_bank(
    as_alice: Client, alice: User, lost_item: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=lost_item.pk).session
    update_item(lost_item, lease_holder=uuid4(), leased_until=timezone.now() + timedelta(seconds=30))
    assert post_exit(as_alice, session).status_code == 200
    assert provider.item_calls == 0


def test_it_asks_for_no_repair_of_a_bank_that_works(
    as_alice: Client, alice: User, item: Item, provider: ScriptedProvider
) -> None:
    open_link(user=alice)
    session = open_update_mode(user=alice, item_id=item.pk, selects_accounts=True).session
    response = post_exit(as_alice, session)
    assert (response.status_code, queued_jobs(item.pk)) == (200, [])
    assert "Nothing changed" in page_text(response)


def test_it_does_not_read_another_users_bank(
    as_mallory: Client, alice: User, lost_item: Item, provider: ScriptedProvider
) -> None:
    session = open_update_mode(user=alice, item_id=lost_item.pk).session
    provider.set_item_error("")
    assert post_exit(as_mallory, session).status_code == 404
    assert (provider.item_calls, update_item(lost_item).connection) == (0, Connection.LOGIN_REQUIRED)


@pytest.mark.parametrize("value", ["<b>", "x" * 101, "a\0b", "{}"])
def test_it_drops_invalid_values(as_alice: Client, alice: User, session: LinkSession, value: str) -> None:
    fields = dict.fromkeys(("error_code", "exit_status", "request_id", "link_session_id"), value)
    assert as_alice.post(reverse("close_link", args=[session.pk]), fields).status_code == 200
    with tenant(alice.pk):
        session.refresh_from_db()
    assert {getattr(session, name) for name in fields} == {""}
