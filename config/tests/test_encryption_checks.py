"""Deployment checks that warn about unencrypted connections to other hosts."""

import environ
import pytest
from django.core.checks import registry

from config.checks import encryption


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("smtp://user:secret@mail.plumbline.example:25", True),
        ("smtp://192.0.2.7:25", True),
        ("smtp+tls://user:secret@mail.plumbline.example:587", False),
        ("smtp+ssl://user:secret@mail.plumbline.example:465", False),
        ("smtp://localhost:25", False),
        ("smtp://127.0.0.1:25", False),
        ("smtp://[::1]:25", False),
        ("consolemail://", False),
    ],
)
def test_it_warns_of_unencrypted_mail(settings, url: str, warns: bool) -> None:
    for name, value in environ.Env.email_url_config(url).items():
        setattr(settings, name, value)
    assert [message.id for message in encryption.check_mail_encryption()] == ["plumbline.W001"] * warns


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("redis://:secret@redis.internal:6379/0", True),
        ("redis://192.0.2.7", True),
        ("rediss://:secret@redis.internal:6379/0", False),
        ("rediss://:secret@redis.internal:6379/0?ssl_cert_reqs=none", True),
        ("rediss://:secret@redis.internal:6379/0?ssl_cert_reqs=CERT_NONE", True),
        ("rediss://:secret@redis.internal:6379/0?ssl_cert_reqs=optional", True),
        ("rediss://:secret@redis.internal:6379/0?ssl_check_hostname=False", True),
        ("rediss://:secret@redis.internal:6379/0?ssl_cert_reqs=required&ssl_ca_certs=/etc/ca.pem", False),
        ("rediss://localhost:6379/0?ssl_cert_reqs=none", False),
        ("redis://localhost:6379", False),
        ("redis://127.0.0.2:6379", False),
        ("unix:///run/redis.sock?db=2", False),
    ],
)
def test_it_warns_of_an_unencrypted_or_unverified_redis(settings, url: str, warns: bool) -> None:
    settings.REDIS_URL = url
    assert [message.id for message in encryption.check_redis_encryption()] == ["plumbline.W002"] * warns


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("postgres://app_rw:secret@db.internal:5432/plumbline", True),
        ("postgres://app_rw:secret@db.internal:5432/plumbline?sslmode=disable", True),
        ("postgres://app_rw:secret@db.internal:5432/plumbline?sslmode=require", True),
        ("postgres://app_rw:secret@192.0.2.7/plumbline?sslmode=prefer", True),
        ("postgres://app_rw:secret@/plumbline?host=localhost,db.internal", True),
        ("postgres://app_rw:secret@db.internal:5432/plumbline?sslmode=verify-full&sslrootcert=system", False),
        ("postgres://app_rw:secret@db.internal:5432/plumbline?sslmode=verify-ca", False),
        ("postgres://app_rw:secret@localhost/plumbline", False),
        ("postgres://app_rw:secret@[::1]/plumbline", False),
        ("postgres://app_rw@/plumbline?host=/run/postgresql", False),
        ("postgres://app_rw@%2Frun%2Fpostgresql/plumbline", False),
        ("postgres://app_rw@/plumbline", False),
    ],
)
@pytest.mark.parametrize("alias", ["default", "ops"])
def test_it_warns_of_an_unencrypted_or_unverified_database(
    settings, monkeypatch: pytest.MonkeyPatch, url: str, alias: str, warns: bool
) -> None:
    for name in ("PGHOST", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(settings.DATABASES, alias, environ.Env.db_url_config(url))
    messages = encryption.check_database_encryption()
    name = {"default": "DATABASE_URL", "ops": "DATABASE_OPS_URL"}[alias]
    assert [(message.id, message.msg.startswith(f"{name} leads")) for message in messages] == [
        ("plumbline.W003", True)
    ] * warns
    assert not any("secret" in message.msg for message in messages)


def test_it_runs_with_the_deployment_checks() -> None:
    checks = {check.__name__ for check in registry.registry.deployment_checks}
    names = {"check_mail_encryption", "check_redis_encryption", "check_database_encryption"}
    assert names <= checks
