"""Redis is away: the site gives its queue up soon, and serves its pages without its cache."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from config.tests.programs import django_process

pytestmark = pytest.mark.django_db(transaction=True)

ENQUEUE = """
from uuid import UUID
from banking.models import Item
from banking.tasks import enqueue_sync
enqueue_sync(Item(owner_id=UUID(sys.argv[1]), pk=UUID(sys.argv[2])), trigger="link")
print("went on")
"""
MAX_TRIES = 10


@contextmanager
def redis_that_hangs_up(place: Path) -> Iterator[list[int]]:
    """A socket that takes every call and drops it at once; the list grows by one with each."""
    calls: list[int] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    listener.listen()

    def hang_up() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            calls.append(1)
            caller.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    try:
        yield calls
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def enqueue_with(redis: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("REDIS_URL", f"unix://{redis}")
    with django_process(ENQUEUE, UUID(int=1), UUID(int=2)) as other:
        said, complaints = other.communicate(timeout=120)
    assert "The queue does not answer" in complaints
    return said


def test_it_gives_a_queue_up_that_is_gone(tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert enqueue_with(tmp_path / "nobody.sock", monkeypatch) == "went on\n"


def test_it_gives_a_queue_up_after_a_few_tries(tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "redis.sock"
    with redis_that_hangs_up(place) as calls:
        assert enqueue_with(place, monkeypatch) == "went on\n"
    assert 1 <= len(calls) <= MAX_TRIES


def test_it_serves_pages_without_its_cache(make_user: Callable[..., User], tmp_path: Path, settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": f"unix://{tmp_path}/nobody.sock"}}
    alice = make_user("alice", "correct horse battery staple")
    browser = Client()
    browser.force_login(alice)
    for name in ("overview", "accounts", "transactions", "connect"):
        assert browser.get(reverse(name)).status_code == 200
