"""Closing Link without a connection, and what is stored about it for support."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.linking.sessions import open_link
from banking.models import LinkSession
from banking.tests.link_dialog import post_public_token, reload_session
from banking.tests.scripted_provider import ScriptedProvider
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(alice: User, provider: ScriptedProvider) -> LinkSession:
    """An open link session of Alice's."""
    return open_link(user=alice).session


def close(client: Client, session: LinkSession, **fields: str):
    return client.post(reverse("close_link", args=[session.pk]), fields)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, ""),
        ({"error_code": "INVALID_CREDENTIALS", "exit_status": "requires_credentials"}, "INVALID_CREDENTIALS"),
        ({"error_code": "A\0B"}, ""),
        ({"error_code": "<script>"}, ""),
        ({"error_code": "E" * 5000}, ""),
        ({"error_code": "☕"}, ""),
    ],
)
def test_it_notes_why_the_dialog_was_left(
    as_alice: Client, alice: User, session: LinkSession, fields: dict[str, str], kept: str
) -> None:
    page = close(as_alice, session, **fields)
    assert page.status_code == 200
    assert "<script>" not in page.content.decode().split("<main")[1]
    noted = reload_session(alice, session)
    assert (noted.state, noted.error_code) == (LinkSession.State.ABANDONED, kept)


def test_it_lets_a_person_finish_a_dialog_that_seemed_closed(
    as_alice: Client, alice: User, session: LinkSession
) -> None:
    close(as_alice, session)
    assert post_public_token(as_alice, session).status_code == 302
    late = close(as_alice, session, error_code="LATE")
    linked = reload_session(alice, session)
    assert linked.state == LinkSession.State.LINKED
    assert late.url == reverse("item", args=[linked.item_id])


def test_it_lets_nobody_close_another_persons_dialog(as_mallory: Client, alice: User, session: LinkSession) -> None:
    assert close(as_mallory, session).status_code == 404
    assert reload_session(alice, session).state == LinkSession.State.OPEN


def test_it_keeps_what_the_dialog_says_when_it_is_closed(as_alice: Client, alice: User, session: LinkSession) -> None:
    said = {
        "error_code": "INSTITUTION_DOWN",
        "exit_status": "requires_credentials",
        "request_id": "Nnclj9HntPMu5dm",
        "link_session_id": "43face8b-a5c2-42a4-adec-4a4ec589eb46",
    }
    page = as_alice.post(reverse("close_link", args=[session.pk]), said)
    with tenant(alice.pk):
        session.refresh_from_db()
    assert {name: getattr(session, name) for name in said} == said
    assert str(session.pk) in page_text(page)


@pytest.mark.parametrize("junk", ["<b>", "x" * 101, "a\0b", "{}"])
def test_it_keeps_nothing_that_no_dialog_says(as_alice: Client, alice: User, session: LinkSession, junk: str) -> None:
    said = dict.fromkeys(("error_code", "exit_status", "request_id", "link_session_id"), junk)
    assert as_alice.post(reverse("close_link", args=[session.pk]), said).status_code == 200
    with tenant(alice.pk):
        session.refresh_from_db()
    assert {getattr(session, name) for name in said} == {""}
