"""Whose a request is."""

from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.sessions.session_store import SessionStore, hash_session_key
from accounts.sign_in.auth_backend import AuthBackend
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import sign_in

pytestmark = pytest.mark.django_db

HOSTILE = ("", "x", "a" * 5_000, "' OR true --", "%s", '"\\000abcdefgh"', "\u00e9" * 40)


@pytest.fixture
def session() -> SessionStore:
    store = SessionStore()
    store["word"] = "said"
    store.create()
    return store


def test_it_reads_what_a_session_holds(session):
    again = SessionStore(session.session_key)
    assert again["word"] == "said"
    assert again.session_key == session.session_key


def test_it_keeps_no_key_in_the_database(session, alice: User):
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    keys = {session.session_key, client.session.session_key}
    rows = [
        *Session.objects.values_list("session_key", flat=True),
        *UserSession.objects.values_list("session_key", flat=True),
    ]
    assert len(rows) == 3
    assert not [row for row in rows if row in keys]
    assert set(rows) == {hash_session_key(key) for key in keys}


def test_it_lets_nobody_in_by_what_the_database_holds(alice: User):
    Client().force_login(alice)
    (row,) = Session.objects.values_list("session_key", flat=True)
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = row
    assert thief.get("/overview/").status_code == 302
    assert SessionStore(row).load() == {}
    # Nor can a thief end the session by it, or have it renewed under another key.
    stolen = SessionStore(row)
    stolen.flush()
    stolen.cycle_key()
    assert Session.objects.filter(session_key=row).exists()


def test_it_gives_a_session_another_key_and_forgets_it(session):
    old = session.session_key
    session.cycle_key()
    assert session.session_key != old
    assert not session.exists(old)
    assert SessionStore(session.session_key)["word"] == "said"
    session["word"] = "said again"
    session.save()
    assert SessionStore(session.session_key)["word"] == "said again"
    session.delete(session.session_key)
    assert not Session.objects.exists()


def test_it_takes_the_key_from_a_session_that_is_over(session):
    with time_machine.travel(timezone.now() + settings.SESSION_MAX_LIFETIME + timedelta(seconds=1)):
        late = SessionStore(session.session_key)
        assert late.load() == {}
    assert late.session_key is None


def test_it_takes_the_key_from_a_session_that_was_ended(session):
    Session.objects.filter(session_key=hash_session_key(session.session_key)).delete()
    ended = SessionStore(session.session_key)
    assert ended.get("word") is None
    assert ended.session_key is None


@pytest.mark.parametrize("key", HOSTILE)
def test_it_answers_a_made_up_session_as_a_strangers(key):
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "x"
    client.cookies[settings.SESSION_COOKIE_NAME].set(settings.SESSION_COOKIE_NAME, key, key)
    assert client.get("/overview/").status_code in (302, 400)


def test_it_knows_a_person_until_the_account_is_closed(alice: User):
    assert AuthBackend().get_user(alice.pk) == alice
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert AuthBackend().get_user(alice.pk) is None


def test_it_knows_nobody_by_an_id_that_no_account_has(alice: User):
    assert AuthBackend().get_user("0195b1a0-0000-7000-8000-000000000000") is None
