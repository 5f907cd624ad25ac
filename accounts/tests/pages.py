"""Steps on the pages of allauth and of consents, and what tests read from pages, emails and the consent ledger."""

import re

from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from compliance.consent import Purpose, list_consent_events
from compliance.consent.legal_texts import current_version

AGREED = {
    "terms": current_version("terms").version,
    "privacy_notice": current_version("privacy_notice").version,
    "eligibility": "on",
}
"""The boxes that have to be checked to sign up."""
CONSENTS = "/privacy/consents/"
DO_NOT_SELL = "/privacy/do-not-sell/"
OPT_OUT = {"action": "opt-out", "version": current_version("do_not_sell").version}
"""What the button to opt out sends."""


def sign_up(client: Client, email: str, password: str, **fields: str) -> HttpResponse:
    """Sign up with the required boxes checked."""
    fields = {"email": email, "password1": password, **AGREED, **fields}
    return client.post(reverse("account_signup"), fields, follow=True)


def sign_in(client: Client, email: str, password: str, **fields: str) -> HttpResponse:
    return client.post(reverse("account_login"), {"login": email, "password": password, **fields})


def is_signed_in(client: Client) -> bool:
    """Whether a page that requires a sign-in opens."""
    return client.get(reverse("overview")).status_code == 200


def submit_email_code(client: Client, code: str) -> HttpResponse:
    """Submit the code that confirms an email address."""
    return client.post(reverse("account_email_verification_sent"), {"action": "verify", "code": code})


def code_from_email(mail: EmailMessage) -> str:
    """The confirmation code in an email."""
    (code,) = re.findall(r"^[A-Z]{4}-[A-Z]{4}$", mail.body, flags=re.MULTILINE)
    return code


def link_from_email(mail: EmailMessage) -> str:
    """The path of the link in an email."""
    (link,) = re.findall(rf"^{re.escape(settings.PUBLIC_URL)}(/\S+)$", mail.body, flags=re.MULTILINE)
    return link


def page_without_tokens(response: HttpResponse) -> str:
    """A page's HTML without nonces and values, which differ between requests."""
    return re.sub(r'(nonce|value)="[^"]*"', "", response.content.decode())


def operator_user_url(user: User) -> str:
    """The URL of a user on the operators' site."""
    return reverse("admin:accounts_user_change", args=[user.pk])


def list_kinds(user: User, purpose: Purpose) -> list[tuple[str, str]]:
    """Kind and method of a user's events about a purpose, the oldest first."""
    events = list_consent_events(user_id=user.pk, purpose=purpose)
    return [(event.kind, event.method) for event in events[::-1]]
