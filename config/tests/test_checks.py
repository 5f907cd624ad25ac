"""Warned of before a release: what travels to other hosts for all to read."""

import environ
import pytest
from django.core.checks import registry

from config import checks


@pytest.mark.parametrize(
    ("address", "is_warned_of"),
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
def test_it_warns_of_mail_that_everybody_can_read(settings, address: str, is_warned_of: bool) -> None:
    for name, value in environ.Env.email_url_config(address).items():
        setattr(settings, name, value)
    assert [each.id for each in checks.mail_is_encrypted_on_its_way()] == ["config.W001"] * is_warned_of


@pytest.mark.parametrize(
    ("address", "is_warned_of"),
    [
        ("redis://:secret@redis.internal:6379/0", True),
        ("redis://192.0.2.7", True),
        ("rediss://:secret@redis.internal:6379/0", False),
        ("redis://localhost:6379", False),
        ("redis://127.0.0.2:6379", False),
        ("unix:///run/redis.sock?db=2", False),
    ],
)
def test_it_warns_of_a_redis_that_everybody_can_ask(settings, address: str, is_warned_of: bool) -> None:
    settings.REDIS_URL = address
    assert [each.id for each in checks.redis_is_encrypted_on_its_way()] == ["config.W002"] * is_warned_of


def test_it_is_asked_before_a_release() -> None:
    asked = {check.__name__ for check in registry.registry.deployment_checks}
    assert {"mail_is_encrypted_on_its_way", "redis_is_encrypted_on_its_way"} <= asked
