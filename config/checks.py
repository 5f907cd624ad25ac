"""What ``manage.py check --deploy`` says about the ways to other hosts."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

THIS_MACHINE = {"", "localhost"}


@register(Tags.security, deploy=True)
def mail_is_encrypted_on_its_way(**_: Any) -> list[CheckMessage]:
    """Warn of mails, and of the password for sending them, that travel to another host for all to read."""
    is_plain = settings.EMAIL_BACKEND.endswith(".smtp.EmailBackend") and not (
        getattr(settings, "EMAIL_USE_TLS", False) or getattr(settings, "EMAIL_USE_SSL", False)
    )
    if not is_plain or is_on_this_machine(settings.EMAIL_HOST):
        return []
    said = "EMAIL_URL sends mails to another host unencrypted, and links in them open accounts."
    return [Warning(said, hint="Use smtp+tls:// or smtp+ssl://.", id="config.W001")]


@register(Tags.security, deploy=True)
def redis_is_encrypted_on_its_way(**_: Any) -> list[CheckMessage]:
    """Warn of a Redis on another host that is asked without TLS: its password and all jobs could be read, and made."""
    address = urlsplit(settings.REDIS_URL)
    if address.scheme != "redis" or is_on_this_machine(address.hostname or ""):
        return []
    said = "REDIS_URL leads to another host unencrypted, and whoever sits between can read and make jobs."
    return [Warning(said, hint="Use rediss://.", id="config.W002")]


def is_on_this_machine(host: str) -> bool:
    """Whether nothing that is sent there leaves this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in THIS_MACHINE
