"""What the tests of people start from: limits of their own, and the trail that each deed leaves."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.test import Client

from accounts.models import User
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _limits_of_its_own(settings) -> None:
    """Count tries in a corner of Redis where no other test counts."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": uuid4().hex}}


@pytest.fixture
def stranger(db: None) -> Client:
    """Somebody who is not signed in."""
    return Client()


@pytest.fixture
def alice(make_user: Callable[..., User]) -> User:
    """Alice has a password here."""
    return make_user("alice", PASSWORD)


@pytest.fixture
def trail() -> Callable[[UUID], list[str]]:
    """The actions in a person's audit trail, the oldest first."""

    def read(owner: UUID) -> list[str]:
        with tenant(owner):
            return list(AuditEvent.objects.filter(subject=owner).order_by("id").values_list("action", flat=True))

    return read
