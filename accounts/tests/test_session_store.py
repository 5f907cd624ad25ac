"""The session store and the authentication backend."""

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

HOSTILE_KEYS = ("", "x", "a" * 5_000, "' OR true --", "%s", '"\\000abcdefgh"', "\u00e9" * 40)


@pytest.fixture
def session() -> SessionStore:
    store = SessionStore()
    store["word"] = "said"
    store.create()
    return store


def test_it_reads_the_stored_session(session):
    loaded = SessionStore(session.session_key)
    assert loaded["word"] == "said"
    assert loaded.session_key == session.session_key


def test_it_stores_only_hashes_of_session_keys(session, alice: User):
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


def test_it_rejects_the_stored_hash_as_a_session_key(alice: User):
    Client().force_login(alice)
    (row,) = Session.objects.values_list("session_key", flat=True)
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = row
    assert client.get("/overview/").status_code == 302
    assert SessionStore(row).load() == {}
    # Nor can the row's key end the session or move it to another key.
    stolen = SessionStore(row)
    stolen.flush()
    stolen.cycle_key()
    assert Session.objects.filter(session_key=row).exists()


def test_it_changes_the_key_of_a_session_and_deletes_it(session):
    old_key = session.session_key
    session.cycle_key()
    assert session.session_key != old_key
    assert not session.exists(old_key)
    assert SessionStore(session.session_key)["word"] == "said"
    session["word"] = "said again"
    session.save()
    assert SessionStore(session.session_key)["word"] == "said again"
    session.delete(session.session_key)
    assert not Session.objects.exists()


def test_it_drops_the_key_of_an_expired_session(session):
    with time_machine.travel(timezone.now() + settings.SESSION_MAX_LIFETIME + timedelta(seconds=1)):
        expired = SessionStore(session.session_key)
        assert expired.load() == {}
    assert expired.session_key is None


def test_it_drops_the_key_of_a_deleted_session(session):
    Session.objects.filter(session_key=hash_session_key(session.session_key)).delete()
    ended = SessionStore(session.session_key)
    assert ended.get("word") is None
    assert ended.session_key is None


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_it_treats_a_made_up_key_as_anonymous(key):
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "x"
    client.cookies[settings.SESSION_COOKIE_NAME].set(settings.SESSION_COOKIE_NAME, key, key)
    assert client.get("/overview/").status_code in (302, 400)


def test_it_returns_a_user_until_the_account_is_deactivated(alice: User):
    assert AuthBackend().get_user(alice.pk) == alice
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert AuthBackend().get_user(alice.pk) is None


def test_it_returns_none_for_an_unknown_id(alice: User):
    assert AuthBackend().get_user("0195b1a0-0000-7000-8000-000000000000") is None


def test_a_new_secret_key_ends_every_session(alice: User, settings):
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    assert client.get("/overview/").status_code == 200
    settings.SECRET_KEY = f"new {settings.SECRET_KEY}"
    assert client.get("/overview/").status_code == 302
