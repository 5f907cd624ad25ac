"""How long sessions last, where a person is signed in, and how sessions end at once."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.conf import settings as site
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import deactivation
from accounts.models import User
from accounts.sessions import active_sessions, lifetime, session_messages
from accounts.sessions.session_messages import SessionMessage
from accounts.sessions.session_store import hash_session_key
from accounts.sessions.user_agents import describe_device
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, sign_in
from compliance.tests.threads import in_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

Trail = Callable[[UUID], list[str]]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def sign_in_from(alice: User) -> Callable[..., Client]:
    """Alice signs in with a browser somewhere."""

    def browser(user_agent: str = FIREFOX, ip: str = "192.0.2.1") -> Client:
        client = Client(headers={"User-Agent": user_agent}, REMOTE_ADDR=ip)
        sign_in(client, alice.email, PASSWORD)
        assert is_signed_in(client)
        return client

    return browser


def get_security_page(client: Client) -> str:
    return client.get(reverse("security")).content.decode()


def email_subjects() -> list[str]:
    return [message.subject for message in mail.outbox]


# --- How long ---------------------------------------------------------------------------------------------


def test_it_ends_a_session_that_nobody_used_for_half_an_hour(
    sign_in_from: Callable[..., Client], alice: User, trail: Trail
) -> None:
    now = timezone.now()
    client = sign_in_from()
    with time_machine.travel(now + timedelta(minutes=29)):
        assert is_signed_in(client)
    with time_machine.travel(now + timedelta(minutes=58)):
        assert is_signed_in(client)
    with time_machine.travel(now + timedelta(minutes=89)):
        answer = client.get(reverse("transactions"))
        assert answer.url == f"{reverse('account_login')}?next={reverse('transactions')}"
    assert trail(alice.pk)[-1] == "session_ended"
    assert not UserSession.objects.exists()


def test_it_ends_a_session_that_was_never_used_after_the_sign_in(alice: User) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert not is_signed_in(client)


def test_it_ends_every_session_after_twelve_hours_of_use(sign_in_from: Callable[..., Client]) -> None:
    client = sign_in_from()
    with time_machine.travel(timezone.now()) as clock:
        for _ in range(35):
            clock.shift(timedelta(minutes=20))
            assert is_signed_in(client)
        clock.shift(timedelta(minutes=21))
        assert not is_signed_in(client)


def test_it_writes_last_seen_at_most_once_a_minute(sign_in_from: Callable[..., Client]) -> None:
    client = sign_in_from()
    now = timezone.now()
    seen = UserSession.objects.get().last_seen_at
    with time_machine.travel(now + timedelta(seconds=30)):
        get_security_page(client)
        assert UserSession.objects.get().last_seen_at == seen
    with time_machine.travel(now + timedelta(seconds=90)):
        get_security_page(client)
        assert UserSession.objects.get().last_seen_at > seen


# --- Where ------------------------------------------------------------------------------------------------


def test_it_lists_where_a_person_is_signed_in(sign_in_from: Callable[..., Client]) -> None:
    here, _ = sign_in_from(), sign_in_from(IPHONE, "198.51.100.7")
    page = get_security_page(here)
    listed = page[page.index("Devices") : page.index("Recent sign-ins")]
    assert "Firefox on Linux" in listed
    assert "Safari on iPhone" in listed
    assert "198.51.100.7" in listed
    assert listed.index("This device") < listed.index("Safari on iPhone")
    assert not [session.session_key for session in Session.objects.all() if session.session_key in page]
    assert here.session.session_key not in page


def test_it_lists_no_session_that_is_over(sign_in_from: Callable[..., Client]) -> None:
    sign_in_from(IPHONE)
    with time_machine.travel(timezone.now() + timedelta(minutes=32)):
        here = sign_in_from()
        page = get_security_page(here)
        assert "Safari on iPhone" not in page[page.index("Devices") : page.index("Recent sign-ins")]
    assert Session.objects.count() == 1


def test_it_lists_who_tried(sign_in_from: Callable[..., Client], alice: User) -> None:
    here = sign_in_from()
    sign_in(Client(headers={"User-Agent": IPHONE}, REMOTE_ADDR="203.0.113.9"), alice.email, "wrong")
    page = get_security_page(here)
    tries = page[page.index("Recent sign-ins") :]
    assert tries.index("Sign-in failed") < tries.index("Safari on iPhone") < tries.index("203.0.113.9")
    assert tries.index("203.0.113.9") < tries.index("Signed in")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (IPHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/18.5 Safari/605", "Safari on Mac"),
        ("Mozilla/5.0 (Linux; Android 16) SamsungBrowser/28.0 Chrome/130.0 Mobile", "Samsung Internet on Android"),
        ("Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) CriOS/140.0 Mobile Safari/604", "Chrome on iPad"),
        ("curl/8.5.0", "Unknown browser"),
        ("<script>alert(1)</script> Linux", "Unknown browser on Linux"),
        ("", "Unknown browser"),
    ],
)
def test_it_says_a_browser_in_words(agent: str, words: str) -> None:
    assert describe_device(agent) == words


# --- Ending -----------------------------------------------------------------------------------------------


def number_of(client: Client) -> int:
    return UserSession.objects.get(session_key=hash_session_key(client.session.session_key)).pk


def test_it_ends_one_session_at_once(sign_in_from: Callable[..., Client], alice: User, trail: Trail) -> None:
    here, there, elsewhere = sign_in_from(), sign_in_from(IPHONE), sign_in_from()
    answer = here.post(reverse("end_session", args=[number_of(there)]), follow=True)
    assert "Signed out: Safari on iPhone." in answer.content.decode()
    assert [is_signed_in(client) for client in (here, there, elsewhere)] == [True, False, True]
    assert trail(alice.pk)[-1] == "session_ended"


def test_it_ends_all_others_at_once(sign_in_from: Callable[..., Client]) -> None:
    here, there, elsewhere = sign_in_from(), sign_in_from(IPHONE), sign_in_from()
    here.post(reverse("end_other_sessions"))
    assert [is_signed_in(client) for client in (here, there, elsewhere)] == [True, False, False]


def test_it_ends_no_session_of_somebody_else(sign_in_from: Callable[..., Client], as_mallory: Client) -> None:
    hers = sign_in_from()
    places = [reverse("end_session", args=[number]) for number in (number_of(hers), 10**9)]
    assert [as_mallory.post(place).status_code for place in places] == [404, 404]
    as_mallory.post(reverse("end_other_sessions"))
    assert is_signed_in(hers)


def test_it_signs_out_who_ends_their_own_session(sign_in_from: Callable[..., Client]) -> None:
    here = sign_in_from()
    here.post(reverse("end_session", args=[number_of(here)]))
    assert not is_signed_in(here)


def test_it_ends_all_sessions_with_the_password(sign_in_from: Callable[..., Client], alice: User, trail: Trail) -> None:
    here, there = sign_in_from(), sign_in_from()
    key = there.session.session_key
    new = "a brand new passphrase"
    fields = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    here.post(reverse("account_change_password"), fields)
    assert [is_signed_in(here), is_signed_in(there)] == [False, False]
    assert not UserSession.objects.exists()
    assert not Session.objects.filter(session_key=hash_session_key(key)).exists()
    assert "session_ended" in trail(alice.pk)
    assert "Your Plumbline password was changed" in email_subjects()


def test_it_ends_all_sessions_with_the_account(sign_in_from: Callable[..., Client], alice: User, trail: Trail) -> None:
    here, there = sign_in_from(), sign_in_from()
    deactivation.deactivate(user=alice, actor=None)
    assert [is_signed_in(here), is_signed_in(there)] == [False, False]
    assert not UserSession.objects.exists()
    alice.refresh_from_db()
    assert not alice.is_active
    assert trail(alice.pk).count("session_ended") == 2
    assert trail(alice.pk)[-1] == "account_deactivated"
    again = Client()
    sign_in(again, alice.email, PASSWORD)
    assert not is_signed_in(again)


def test_it_moves_to_a_new_key_when_somebody_proves_who_they_are(
    sign_in_from: Callable[..., Client], alice: User
) -> None:
    here = sign_in_from()
    old, number = here.session.session_key, number_of(here)
    here.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert here.session.session_key != old
    assert number_of(here) == number
    thief = Client()
    thief.cookies[site.SESSION_COOKIE_NAME] = old
    assert not is_signed_in(thief)
    assert is_signed_in(here)


# --- Telling ----------------------------------------------------------------------------------------------


def test_it_tells_of_a_browser_that_is_new(sign_in_from: Callable[..., Client], alice: User) -> None:
    here = sign_in_from()
    assert email_subjects() == []
    sign_in_from(IPHONE, "203.0.113.9")
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("New browser sign-in to Plumbline", [alice.email])
    assert "Safari on iPhone" in message.body
    assert "203.0.113.9" in message.body
    assert "$" not in message.body
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        first, second = get_security_page(here), get_security_page(here)
    assert "New browser signed in to your account: Safari on iPhone." in first
    assert "New browser signed in" not in second


def test_it_knows_a_browser_again(sign_in_from: Callable[..., Client], alice: User) -> None:
    here = sign_in_from()
    here.post(reverse("account_logout"))
    sign_in(here, alice.email, PASSWORD)
    assert email_subjects() == []


def test_it_knows_a_browser_for_one_person_only(
    sign_in_from: Callable[..., Client], make_user: Callable[..., User]
) -> None:
    here = sign_in_from()
    here.post(reverse("account_logout"))
    bob = make_user("bob", PASSWORD)
    User.objects.filter(pk=bob.pk).update(last_login=timezone.now())
    sign_in(here, bob.email, PASSWORD)
    assert email_subjects() == ["New browser sign-in to Plumbline"]
    here.post(reverse("account_logout"))
    for name in ("alice", "bob"):
        sign_in(here, f"{name}@example.com", PASSWORD)
        here.post(reverse("account_logout"))
    assert len(email_subjects()) == 1


@pytest.mark.parametrize("cookie", ["", "forged", "WyJhIl0:1abc:def", "\u00e9"])
def test_it_takes_no_mark_of_a_browsers_own_making(
    sign_in_from: Callable[..., Client], alice: User, cookie: str
) -> None:
    sign_in_from()
    client = Client()
    client.cookies[site.KNOWN_BROWSER_COOKIE_NAME] = cookie
    sign_in(client, alice.email, PASSWORD)
    assert email_subjects() == ["New browser sign-in to Plumbline"]


def test_it_tells_other_sessions_once_what_happened(sign_in_from: Callable[..., Client], alice: User) -> None:
    here, there = sign_in_from(), sign_in_from(IPHONE)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        get_security_page(there)
    session_messages.queue_message_for_other_sessions(
        here.get(reverse("security")).wsgi_request, alice, SessionMessage.PASSKEY_ADDED
    )
    with time_machine.travel(timezone.now() + timedelta(minutes=4)):
        shown = ["A passkey was added" in get_security_page(client) for client in (here, there, there)]
    assert shown == [False, True, False]


def test_it_loses_no_notice_of_ten_at_a_time(sign_in_from: Callable[..., Client], alice: User) -> None:
    here, there = sign_in_from(), sign_in_from(IPHONE)
    request, numbers = here.get(reverse("security")).wsgi_request, iter(range(10))
    used = SessionMessage.RECOVERY_CODE_USED
    in_threads(10, lambda: session_messages.queue_message_for_other_sessions(request, alice, used, left=next(numbers)))
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        page = get_security_page(there)
    assert [f"Codes left: {number}." in page for number in range(10)] == [True] * 10


def test_it_brings_no_session_back_that_ended_during_its_request(
    sign_in_from: Callable[..., Client], alice: User
) -> None:
    client = sign_in_from()
    request = client.get(reverse("security")).wsgi_request
    active_sessions.end_all_sessions(alice, actor=None, reason="test")
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert lifetime.update_last_seen(request) == []
        with pytest.raises(UpdateError):
            request.session.save()
    assert not UserSession.objects.exists()
    assert not is_signed_in(client)


def test_it_forgets_sessions_that_are_over(sign_in_from: Callable[..., Client], alice: User) -> None:
    client = sign_in_from()
    UserSession.objects.create(
        user=alice, ip="192.0.2.1", session_key="gone", last_seen_at=timezone.now() - timedelta(days=1)
    )
    active_sessions.delete_expired_sessions()
    assert is_signed_in(client)
    assert [row.session_key for row in UserSession.objects.all()] == [hash_session_key(client.session.session_key)]
    with time_machine.travel(timezone.now() + timedelta(hours=13)):
        active_sessions.delete_expired_sessions()
        assert not Session.objects.exists()
        assert not UserSession.objects.exists()
