"""Every link in a mail leads to the site's own address, whatever name a request gave it."""

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
MAIL_TEMPLATES = sorted((site.BASE_DIR / "templates").glob("*/email/*.txt"))
DOORS: dict[str, Callable[[Client, str], object]] = {
    "a sign-up": lambda client, email: sign_up(client, f"new.{email}", PASSWORD),
    "a sign-up with a known address": lambda client, email: sign_up(client, email, PASSWORD),
    "a reset": lambda client, email: client.post(reverse("account_reset_password"), {"email": email}),
    "a reset for nobody": lambda client, _: client.post(reverse("account_reset_password"), {"email": "no@example.com"}),
}


def links() -> list[str]:
    return [link for message in mail.outbox for link in LINK.findall(f"{message.subject}\n{message.body}")]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("door", DOORS)
def test_it_leads_to_the_sites_own_address(alice: User, door: str, host: str) -> None:
    DOORS[door](Client(headers={"Host": host}), alice.email)
    assert links()
    assert [link for link in links() if not link.startswith(site.PUBLIC_URL)] == []
    assert host not in str([message.message() for message in mail.outbox])


def test_it_leads_there_from_mails_of_jobs_too(alice: User) -> None:
    for _ in range(lockout.FAILURES_BEFORE_LOCKOUT):
        lockout.record_failure(alice.email)
    send_unlock_email(str(alice.pk))
    inbox.notify(user_id=alice.pk, type=NotificationType.LOW_RUNWAY, message=PlainMessage(title="x"), fingerprint="x")
    until, (person,) = digest.claim_due_digests(limit=1)
    digest.send_digest(user_id=person, claimed_until=until)
    assert len(mail.outbox) == 2
    assert [link for link in links() if not link.startswith(site.PUBLIC_URL)] == []


@pytest.mark.parametrize("template", MAIL_TEMPLATES, ids=lambda path: path.name)
def test_it_is_written_with_the_public_address_or_a_link_that_has_it(template: Path) -> None:
    text = template.read_text()
    variables = set(re.findall(r"{{\s*(\w*url\w*)", text))
    assert variables <= {"public_url", *sending.LINKS}
    assert len(re.findall(r"{% url", text)) == len(re.findall(r"{{ public_url }}{% url", text))
