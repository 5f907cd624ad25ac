"""Every link in an email has the site's public URL, whatever host name the request has."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.emails import sending
from accounts.models import User
from accounts.notifications import digest, inbox
from accounts.notifications.notification_types import NotificationType
from accounts.sign_in import lockout
from accounts.sign_in.tasks import send_unlock_email
from accounts.tests.conftest import PASSWORD
from accounts.tests.messages import PlainMessage
from accounts.tests.pages import sign_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

LINK = re.compile(r"https?://\S+|\bwww\.\S+|^/\S+", flags=re.MULTILINE)
HOSTS = ["testserver", "localhost", "127.0.0.1", "testserver:8443"]
EMAIL_TEMPLATES = sorted((site.BASE_DIR / "templates").glob("*/email/*.txt"))
FORMS: dict[str, Callable[[Client, str], object]] = {
    "a sign-up": lambda client, email: sign_up(client, f"new.{email}", PASSWORD),
    "a sign-up with a known address": lambda client, email: sign_up(client, email, PASSWORD),
    "a reset": lambda client, email: client.post(reverse("account_reset_password"), {"email": email}),
    "a reset for nobody": lambda client, _: client.post(reverse("account_reset_password"), {"email": "no@example.com"}),
}


def list_links() -> list[str]:
    return [url for message in mail.outbox for url in LINK.findall(f"{message.subject}\n{message.body}")]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("form", FORMS)
def test_it_has_the_public_url_in_emails_of_requests(alice: User, form: str, host: str) -> None:
    FORMS[form](Client(headers={"Host": host}), alice.email)
    assert list_links()
    assert [link for link in list_links() if not link.startswith(site.PUBLIC_URL)] == []
    assert host not in str([message.message() for message in mail.outbox])


def test_it_has_the_public_url_in_emails_of_jobs(alice: User) -> None:
    for _ in range(lockout.FAILURES_BEFORE_LOCKOUT):
        lockout.record_failure(alice.email)
    send_unlock_email(str(alice.pk))
    inbox.notify(user_id=alice.pk, type=NotificationType.LOW_RUNWAY, message=PlainMessage(title="x"), fingerprint="x")
    claimed_until, (user_id,) = digest.claim_due_digests(limit=1)
    digest.send_digest(user_id=user_id, claimed_until=claimed_until)
    assert len(mail.outbox) == 2
    assert [link for link in list_links() if not link.startswith(site.PUBLIC_URL)] == []


@pytest.mark.parametrize("template", EMAIL_TEMPLATES, ids=lambda path: path.name)
def test_it_has_the_public_url_in_every_template(template: Path) -> None:
    text = template.read_text()
    variables = set(re.findall(r"{{\s*(\w*url\w*)", text))
    assert variables <= {"public_url", *sending.LINKS}
    assert len(re.findall(r"{% url", text)) == len(re.findall(r"{{ public_url }}{% url", text))
