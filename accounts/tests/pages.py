"""What a person sees and does on allauth's pages."""

import re

from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User


def sign_up(client: Client, email: str, password: str) -> HttpResponse:
    return client.post(reverse("account_signup"), {"email": email, "password1": password}, follow=True)


def sign_in(client: Client, email: str, password: str, **fields: str) -> HttpResponse:
    return client.post(reverse("account_login"), {"login": email, "password": password, **fields})


def is_signed_in(client: Client) -> bool:
    """Whether pages behind the sign-in open."""
    return client.get(reverse("overview")).status_code == 200


def submit_email_code(client: Client, code: str) -> HttpResponse:
    """Answer the question for the code that confirms an address."""
    return client.post(reverse("account_email_verification_sent"), {"action": "verify", "code": code})


def code_from_email(mail: EmailMessage) -> str:
    """The code that a mail carries to confirm an address."""
    (code,) = re.findall(r"^[A-Z]{4}-[A-Z]{4}$", mail.body, flags=re.MULTILINE)
    return code


def link_from_email(mail: EmailMessage) -> str:
    """The path that a mail asks to open."""
    (link,) = re.findall(rf"^{re.escape(settings.PUBLIC_URL)}(/\S+)$", mail.body, flags=re.MULTILINE)
    return link


def page_without_tokens(response: HttpResponse) -> str:
    """A page without the marks that differ from one request to the next."""
    return re.sub(r'(nonce|value)="[^"]*"', "", response.content.decode())


def operator_user_url(user: User) -> str:
    """The address of a person's row on the operators' site."""
    return reverse("admin:accounts_user_change", args=[user.pk])
