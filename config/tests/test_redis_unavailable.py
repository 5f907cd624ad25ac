"""Without Redis, enqueuing gives up soon, and pages are served without the cache."""

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
from config.tests.programs import run_django_code

pytestmark = pytest.mark.django_db(transaction=True)

ENQUEUE = """
from uuid import UUID
from banking.models import Item
from banking.tasks import enqueue_sync
enqueue_sync(Item(owner_id=UUID(sys.argv[1]), pk=UUID(sys.argv[2])), trigger="link")
print("continued")
"""
MAX_TRIES = 10


@contextmanager
def run_redis_that_hangs_up(path: Path) -> Iterator[list[int]]:
    """A socket that closes every connection at once; the list grows by one with each."""
    calls: list[int] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def hang_up() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            calls.append(1)
            connection.close()

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
    with run_django_code(ENQUEUE, UUID(int=1), UUID(int=2)) as process:
        output, errors = process.communicate(timeout=120)
    assert "The queue does not answer" in errors
    return output


def test_it_gives_up_on_a_missing_queue(tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert enqueue_with(tmp_path / "missing.sock", monkeypatch) == "continued\n"


def test_it_gives_up_on_a_queue_after_a_few_tries(tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "redis.sock"
    with run_redis_that_hangs_up(path) as calls:
        assert enqueue_with(path, monkeypatch) == "continued\n"
    assert 1 <= len(calls) <= MAX_TRIES


def test_it_serves_pages_without_the_cache(make_user: Callable[..., User], tmp_path: Path, settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": f"unix://{tmp_path}/missing.sock"}}
    alice = make_user("alice", "correct horse battery staple")
    client = Client()
    client.force_login(alice)
    for name in ("overview", "accounts", "transactions", "connect"):
        assert client.get(reverse(name)).status_code == 200
