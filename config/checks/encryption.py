"""Warn, at ``manage.py check --deploy``, of unencrypted connections to other hosts."""

import os
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

LOCAL_HOSTS = {"", "localhost"}
TRUE = {"1", "true", "yes", "y", "t"}
# The modes in which libpq verifies the server's certificate.
# Source: https://www.postgresql.org/docs/current/libpq-ssl.html
VERIFYING_MODES = {"verify-ca", "verify-full"}


@register(Tags.security, deploy=True)
def check_mail_encryption(**_: Any) -> list[CheckMessage]:
    """Warn of a mail server on another host without TLS: emails and its password could be read on the network."""
    is_plain = settings.EMAIL_BACKEND.endswith(".smtp.EmailBackend") and not (
        getattr(settings, "EMAIL_USE_TLS", False) or getattr(settings, "EMAIL_USE_SSL", False)
    )
    if not is_plain or is_local_host(settings.EMAIL_HOST):
        return []
    problem = "EMAIL_URL sends mails to another host unencrypted, and links in them open accounts."
    return [Warning(problem, hint="Use smtp+tls:// or smtp+ssl://.", id="plumbline.W001")]


@register(Tags.security, deploy=True)
def check_redis_encryption(**_: Any) -> list[CheckMessage]:
    """Warn of a Redis on another host without TLS, or with TLS but without verifying its certificate.

    An attacker on the network could read its password and all jobs, and add jobs.
    """
    address = urlsplit(settings.REDIS_URL)
    options = {name.lower(): value.lower() for name, value in parse_qsl(address.query)}
    is_verified = options.get("ssl_cert_reqs", "required").removeprefix("cert_") == "required"
    is_verified = is_verified and options.get("ssl_check_hostname", "true") in TRUE
    if address.scheme == "unix" or is_local_host(address.hostname or ""):
        return []
    if address.scheme == "redis":
        problem = "REDIS_URL leads to another host unencrypted, and whoever sits between can read and make jobs."
        return [Warning(problem, hint="Use rediss://.", id="plumbline.W002")]
    problem = "REDIS_URL leads to another host and does not ask for its certificate: anybody in between could answer."
    hint = "Take ssl_cert_reqs and ssl_check_hostname out of it; ssl_ca_certs names an authority of your own."
    return [] if is_verified else [Warning(problem, hint=hint, id="plumbline.W002")]


@register(Tags.security, deploy=True)
def check_database_encryption(**_: Any) -> list[CheckMessage]:
    """Warn of a database on another host without TLS, or with TLS but without verifying its certificate."""
    messages: list[CheckMessage] = []
    for alias, database in settings.DATABASES.items():
        name = "DATABASE_URL" if alias == "default" else f"DATABASE_{alias.upper()}_URL"
        options = database.get("OPTIONS", {})
        hosts = str(options.get("host") or unquote(database.get("HOST") or "") or os.environ.get("PGHOST", ""))
        mode = options.get("sslmode") or os.environ.get("PGSSLMODE", "prefer")
        if mode not in VERIFYING_MODES and not all(is_local_host(host) for host in hosts.split(",")):
            problem = f"{name} leads to another host and does not ask for its certificate (sslmode={mode})."
            hint = "Add ?sslmode=verify-full, and sslrootcert= with the file of its authority or system."
            messages.append(Warning(problem, hint=hint, id="plumbline.W003"))
    return messages


def is_local_host(host: str) -> bool:
    """Whether a host is this machine, also as the folder of a Unix socket."""
    if host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in LOCAL_HOSTS
