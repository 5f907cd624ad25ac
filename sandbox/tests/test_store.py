import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.clock import Clock, parse_stamp, stamp
from sandbox.context import open_context
from sandbox.store import FILE, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "data")
    made.create("CREATE TABLE IF NOT EXISTS coins (value TEXT)")
    return made


def values(store: Store) -> list[str]:
    return [row["value"] for row in store.all("SELECT value FROM coins ORDER BY rowid")]


def test_it_stores_its_file_readable_by_its_owner_only(store: Store, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data" / FILE).stat().st_mode) == 0o600


def test_it_commits_all_of_a_transaction_or_nothing(store: Store) -> None:
    def spend() -> None:
        with store.transaction():
            store.execute("INSERT INTO coins VALUES ('penny')")
            with store.transaction():
                store.execute("INSERT INTO coins VALUES ('dime')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        spend()
    assert values(store) == []


def test_it_lets_one_thread_write_at_a_time(store: Store) -> None:
    store.set("count", "0")

    def add() -> None:
        for _ in range(50):
            with store.transaction():
                store.set("count", str(int(store.setting("count")) + 1))
        store.close()

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.setting("count") == "200"


def test_it_keeps_everything_when_opened_again(store: Store, tmp_path: Path) -> None:
    store.execute("INSERT INTO coins VALUES ('penny')")
    Clock(store).advance(timedelta(days=3))
    store.close()
    again = Store(tmp_path / "data")
    assert values(again) == ["penny"]
    assert Clock(again).offset == timedelta(days=3)


def test_it_advances_virtual_time_and_never_turns_it_back(store: Store) -> None:
    clock = Clock(store)
    assert clock.offset == timedelta(0)
    clock.advance(timedelta(days=1, seconds=0.5))
    assert clock.offset == timedelta(days=1, seconds=0.5)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))


def test_it_formats_times_so_that_they_sort_as_text(store: Store) -> None:
    now = Clock(store).now()
    stamps = [stamp(now + timedelta(seconds=step)) for step in (-90000, -1, 0, 0.000001, 1, 90000)]
    assert stamps == sorted(stamps)
    assert parse_stamp(stamps[2]) == now


def test_it_keeps_the_admin_token(tmp_path: Path) -> None:
    first = open_context(tmp_path, client_id="id", secret="secret").admin_token
    assert len(first) > 30
    assert open_context(tmp_path, client_id="id", secret="secret").admin_token == first
    assert stat.S_IMODE((tmp_path / "admin-token").stat().st_mode) == 0o600
