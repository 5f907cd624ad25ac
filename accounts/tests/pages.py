"""Steps on the pages of allauth, and what tests read from its pages and emails."""

import re

from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from compliance.consent.legal_texts import current_version

AGREED = {
    "terms": current_version("terms").version,
    "privacy_notice": current_version("privacy_notice").version,
    "eligibility": "on",
}
"""The boxes that have to be checked to sign up."""


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
