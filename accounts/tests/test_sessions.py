"""How long sessions last, the list of a user's sessions, how they end, and what users are told."""

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
from django.core.management import CommandError, call_command
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
    """Sign Alice in with another browser and IP address."""

    def open_session(user_agent: str = FIREFOX, ip: str = "192.0.2.1") -> Client:
        client = Client(headers={"User-Agent": user_agent}, REMOTE_ADDR=ip)
        sign_in(client, alice.email, PASSWORD)
        assert is_signed_in(client)
        return client

    return open_session


def get_security_page(client: Client) -> str:
    return client.get(reverse("security")).content.decode()


def list_email_subjects() -> list[str]:
    return [message.subject for message in mail.outbox]


# --- Lifetime ---------------------------------------------------------------------------------------------


def test_it_ends_a_session_after_30_idle_minutes(
    sign_in_from: Callable[..., Client], alice: User, trail: Trail
) -> None:
    now = timezone.now()
    client = sign_in_from()
    with time_machine.travel(now + timedelta(minutes=29)):
        assert is_signed_in(client)
    with time_machine.travel(now + timedelta(minutes=58)):
        assert is_signed_in(client)
    with time_machine.travel(now + timedelta(minutes=89)):
        response = client.get(reverse("transactions"))
        assert response.url == f"{reverse('account_login')}?next={reverse('transactions')}"
    assert trail(alice.pk)[-1] == "session_ended"
    assert not UserSession.objects.exists()


def test_it_ends_a_session_that_was_never_used(alice: User) -> None:
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
    last_seen_at = UserSession.objects.get().last_seen_at
    with time_machine.travel(now + timedelta(seconds=30)):
        get_security_page(client)
        assert UserSession.objects.get().last_seen_at == last_seen_at
    with time_machine.travel(now + timedelta(seconds=90)):
        get_security_page(client)
        assert UserSession.objects.get().last_seen_at > last_seen_at


# --- The list ---------------------------------------------------------------------------------------------


def test_it_lists_devices_without_session_keys(sign_in_from: Callable[..., Client]) -> None:
    client, _ = sign_in_from(), sign_in_from(IPHONE, "198.51.100.7")
    page = get_security_page(client)
    section = page[page.index("Devices") : page.index("Recent sign-ins")]
    assert "Firefox on Linux" in section
    assert "Safari on iPhone" in section
    assert "198.51.100.7" in section
    assert section.index("This device") < section.index("Safari on iPhone")
    assert not [session.session_key for session in Session.objects.all() if session.session_key in page]
    assert client.session.session_key not in page


def test_it_lists_no_expired_session(sign_in_from: Callable[..., Client]) -> None:
    sign_in_from(IPHONE)
    with time_machine.travel(timezone.now() + timedelta(minutes=32)):
        client = sign_in_from()
        page = get_security_page(client)
        assert "Safari on iPhone" not in page[page.index("Devices") : page.index("Recent sign-ins")]
    assert Session.objects.count() == 1


def test_it_lists_failed_sign_ins(sign_in_from: Callable[..., Client], alice: User) -> None:
    client = sign_in_from()
    sign_in(Client(headers={"User-Agent": IPHONE}, REMOTE_ADDR="203.0.113.9"), alice.email, "wrong")
    page = get_security_page(client)
    section = page[page.index("Recent sign-ins") :]
    assert section.index("Sign-in failed") < section.index("Safari on iPhone") < section.index("203.0.113.9")
    assert section.index("203.0.113.9") < section.index("Signed in")


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
def test_it_describes_a_device(agent: str, words: str) -> None:
    assert describe_device(agent) == words


# --- Ending -----------------------------------------------------------------------------------------------


def get_session_number(client: Client) -> int:
    return UserSession.objects.get(session_key=hash_session_key(client.session.session_key)).pk


def test_it_ends_one_session(sign_in_from: Callable[..., Client], alice: User, trail: Trail) -> None:
    client, other_client, third_client = sign_in_from(), sign_in_from(IPHONE), sign_in_from()
    response = client.post(reverse("end_session", args=[get_session_number(other_client)]), follow=True)
    assert "Signed out: Safari on iPhone." in response.content.decode()
    assert [is_signed_in(browser) for browser in (client, other_client, third_client)] == [True, False, True]
    assert trail(alice.pk)[-1] == "session_ended"


def test_it_ends_all_other_sessions(sign_in_from: Callable[..., Client]) -> None:
    client, other_client, third_client = sign_in_from(), sign_in_from(IPHONE), sign_in_from()
    client.post(reverse("end_other_sessions"))
    assert [is_signed_in(browser) for browser in (client, other_client, third_client)] == [True, False, False]


def test_it_does_not_end_another_users_session(sign_in_from: Callable[..., Client], as_mallory: Client) -> None:
    alices_client = sign_in_from()
    urls = [reverse("end_session", args=[number]) for number in (get_session_number(alices_client), 10**9)]
    assert [as_mallory.post(url).status_code for url in urls] == [404, 404]
    as_mallory.post(reverse("end_other_sessions"))
    assert is_signed_in(alices_client)


def test_it_signs_out_a_user_who_ends_the_current_session(sign_in_from: Callable[..., Client]) -> None:
    client = sign_in_from()
    client.post(reverse("end_session", args=[get_session_number(client)]))
    assert not is_signed_in(client)


def test_it_ends_all_sessions_when_the_password_changes(
    sign_in_from: Callable[..., Client], alice: User, trail: Trail
) -> None:
    client, other_client = sign_in_from(), sign_in_from()
    key = other_client.session.session_key
    new_password = "a brand new passphrase"
    fields = {"oldpassword": PASSWORD, "password1": new_password, "password2": new_password}
    client.post(reverse("account_change_password"), fields)
    assert [is_signed_in(client), is_signed_in(other_client)] == [False, False]
    assert not UserSession.objects.exists()
    assert not Session.objects.filter(session_key=hash_session_key(key)).exists()
    assert "session_ended" in trail(alice.pk)
    assert "Your Plumbline password was changed" in list_email_subjects()


def test_it_ends_all_sessions_when_the_account_is_deactivated(
    sign_in_from: Callable[..., Client], alice: User, trail: Trail
) -> None:
    client, other_client = sign_in_from(), sign_in_from()
    deactivation.deactivate(user=alice, actor=None)
    assert [is_signed_in(client), is_signed_in(other_client)] == [False, False]
    assert not UserSession.objects.exists()
    alice.refresh_from_db()
    assert not alice.is_active
    assert trail(alice.pk).count("session_ended") == 2
    assert trail(alice.pk)[-1] == "account_deactivated"
    new_client = Client()
    sign_in(new_client, alice.email, PASSWORD)
    assert not is_signed_in(new_client)


def test_operators_deactivate_an_account_and_undo_it(
    sign_in_from: Callable[..., Client], alice: User, trail: Trail, capsys: pytest.CaptureFixture[str]
) -> None:
    client = sign_in_from()
    call_command("deactivate_user", "ALICE@example.com")
    assert not is_signed_in(client)
    call_command("deactivate_user", alice.email, undo=True)
    assert capsys.readouterr().out == f"{alice.pk} is deactivated.\n{alice.pk} is active again.\n"
    sign_in(client, alice.email, PASSWORD)
    assert is_signed_in(client)
    assert [action for action in trail(alice.pk) if "activated" in action] == [
        "account_deactivated",
        "account_reactivated",
    ]
    with pytest.raises(CommandError, match="No account"):
        call_command("deactivate_user", "nobody@example.com")


def test_it_changes_the_session_key_when_the_identity_is_confirmed(
    sign_in_from: Callable[..., Client], alice: User
) -> None:
    client = sign_in_from()
    old_key, number = client.session.session_key, get_session_number(client)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert client.session.session_key != old_key
    assert get_session_number(client) == number
    other_client = Client()
    other_client.cookies[site.SESSION_COOKIE_NAME] = old_key
    assert not is_signed_in(other_client)
    assert is_signed_in(client)


# --- Telling users ----------------------------------------------------------------------------------------


def test_it_tells_the_user_of_a_new_browser(sign_in_from: Callable[..., Client], alice: User) -> None:
    client = sign_in_from()
    assert list_email_subjects() == []
    sign_in_from(IPHONE, "203.0.113.9")
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("New browser sign-in to Plumbline", [alice.email])
    assert "Safari on iPhone" in message.body
    assert "203.0.113.9" in message.body
    assert "$" not in message.body
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        first, second = get_security_page(client), get_security_page(client)
    assert "New browser signed in to your account: Safari on iPhone." in first
    assert "New browser signed in" not in second


def test_it_recognizes_a_known_browser(sign_in_from: Callable[..., Client], alice: User) -> None:
    client = sign_in_from()
    client.post(reverse("account_logout"))
    sign_in(client, alice.email, PASSWORD)
    assert list_email_subjects() == []


def test_it_recognizes_a_browser_only_for_its_users(
    sign_in_from: Callable[..., Client], make_user: Callable[..., User]
) -> None:
    client = sign_in_from()
    client.post(reverse("account_logout"))
    bob = make_user("bob", PASSWORD)
    User.objects.filter(pk=bob.pk).update(last_login=timezone.now())
    sign_in(client, bob.email, PASSWORD)
    assert list_email_subjects() == ["New browser sign-in to Plumbline"]
    client.post(reverse("account_logout"))
    for name in ("alice", "bob"):
        sign_in(client, f"{name}@example.com", PASSWORD)
        client.post(reverse("account_logout"))
    assert len(list_email_subjects()) == 1


@pytest.mark.parametrize("cookie", ["", "forged", "WyJhIl0:1abc:def", "\u00e9"])
def test_it_rejects_forged_cookies_of_known_browsers(
    sign_in_from: Callable[..., Client], alice: User, cookie: str
) -> None:
    sign_in_from()
    client = Client()
    client.cookies[site.KNOWN_BROWSER_COOKIE_NAME] = cookie
    sign_in(client, alice.email, PASSWORD)
    assert list_email_subjects() == ["New browser sign-in to Plumbline"]


def test_it_shows_a_message_once_in_other_sessions(sign_in_from: Callable[..., Client], alice: User) -> None:
    client, other_client = sign_in_from(), sign_in_from(IPHONE)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        get_security_page(other_client)
    session_messages.queue_message_for_other_sessions(
        client.get(reverse("security")).wsgi_request, alice, SessionMessage.PASSKEY_ADDED
    )
    with time_machine.travel(timezone.now() + timedelta(minutes=4)):
        shown = [
            "A passkey was added" in get_security_page(browser) for browser in (client, other_client, other_client)
        ]
    assert shown == [False, True, False]


def test_it_keeps_all_of_ten_concurrent_messages(sign_in_from: Callable[..., Client], alice: User) -> None:
    client, other_client = sign_in_from(), sign_in_from(IPHONE)
    request, numbers = client.get(reverse("security")).wsgi_request, iter(range(10))
    message = SessionMessage.RECOVERY_CODE_USED
    in_threads(
        10, lambda: session_messages.queue_message_for_other_sessions(request, alice, message, left=next(numbers))
    )
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        page = get_security_page(other_client)
    assert [f"Codes left: {number}." in page for number in range(10)] == [True] * 10


def test_it_does_not_restore_a_session_that_ended_during_its_request(
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


def test_it_deletes_expired_sessions(sign_in_from: Callable[..., Client], alice: User) -> None:
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
