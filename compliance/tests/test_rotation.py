"""Keys are rotated while the site runs, and a rotation that was killed is completed by running it again."""

import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from compliance.isolation import SYSTEM, tenant
from compliance.models import AuditEvent, DataKey
from compliance.tests.conftest import default_and_ops, list_key_rows
from compliance.tests.sample_tables import model
from compliance.vault import data_keys, rotation
from compliance.vault.envelope_encryption import key_id
from compliance.vault.errors import SealError
from compliance.vault.rotation import Resealing, renew_data_keys, rewrap

pytestmark = default_and_ops

EVERY_AGE = timedelta(seconds=-1)


def list_columns() -> list[rotation.SealedColumn]:
    box = model("Box")
    return [(box, box._meta.get_field("token")), (box, box._meta.get_field("note"))]


@pytest.fixture(autouse=True)
def _delete_keys_of_earlier_tests(transactional_db: None) -> None:
    """Delete the data keys of users of earlier tests: there are thousands, and each rotation would rewrap them all."""
    DataKey.objects.using("ops").exclude(owner=SYSTEM).delete()
    data_keys.clear_cache()


@pytest.fixture
def new_primary(settings: Any) -> Iterator[Callable[[], None]]:
    """Put a new key first in the ring, as an operator does. Afterwards, all keys are wrapped by the old one again."""
    old_keys, new_key = settings.FIELD_KEYS, "kek-20270101:" + b64encode(os.urandom(32)).decode()

    def put() -> None:
        settings.FIELD_KEYS = f"{new_key},{old_keys}"
        data_keys.clear_cache()

    yield put
    settings.FIELD_KEYS = f"{old_keys},{new_key}"
    rewrap()


# --- Key-encryption keys ----------------------------------------------------------------------------------


def test_it_rewraps_every_key_and_changes_no_data(
    alice: Any, mallory: Any, make_box: Any, read_box: Any, read_column: Any, new_primary: Any
) -> None:
    boxes = [make_box(alice, "a"), make_box(mallory, "m")]
    before = [read_column(box) for box in boxes]
    new_primary()
    assert rotation.count_outdated_wrappings() == DataKey.objects.using("ops").count() == rewrap().rewrapped
    assert rewrap().rewrapped == rotation.count_outdated_wrappings() == 0
    assert [read_column(box) for box in boxes] == before
    data_keys.clear_cache()
    assert [read_box(box).token.reveal() for box in boxes] == ["a", "m"]


def test_it_needs_the_old_key_until_all_keys_are_rewrapped(
    alice: Any, make_box: Any, read_box: Any, new_primary: Any, settings: Any
) -> None:
    box = make_box(alice, "a")
    new_primary()
    both_keys = settings.FIELD_KEYS
    settings.FIELD_KEYS = both_keys.split(",")[0]
    with pytest.raises(SealError, match="Put it back"):
        read_box(box).token.reveal()
    with pytest.raises(CommandError, match="Put it back"):
        call_command("rotate_keys")
    settings.FIELD_KEYS = both_keys
    call_command("rotate_keys", stdout=StringIO())
    settings.FIELD_KEYS = both_keys.split(",")[0]
    data_keys.clear_cache()
    assert read_box(box).token.reveal() == "a"


def test_it_fails_while_a_key_is_wrapped_by_an_older_one(alice: Any, make_box: Any, new_primary: Any) -> None:
    make_box(alice)
    new_primary()
    locked = hold_rows("SELECT FROM compliance_datakey WHERE owner = %s FOR UPDATE", alice.pk)
    with locked, pytest.raises(CommandError, match="1 data keys came up meanwhile"):
        call_command("rotate_keys", stdout=StringIO())
    call_command("rotate_keys", stdout=StringIO())


def test_it_rewraps_all_other_keys_if_one_is_damaged(
    alice: Any,
    mallory: Any,
    make_box: Any,
    new_primary: Any,
    monkeypatch: Any,
    caplog: pytest.LogCaptureFixture,
    damage_keys: Any,
) -> None:
    monkeypatch.setattr(rotation, "PAGE_SIZE", 1)
    make_box(alice)
    make_box(mallory)
    new_primary()
    damage_keys(alice.pk)
    ((damaged, _, _),) = list_key_rows(alice.pk)
    with pytest.raises(CommandError, match="1 data keys could not be opened") as error:
        call_command("rotate_keys", stdout=StringIO())
    assert "meanwhile" not in str(error.value)
    outdated = DataKey.objects.using("ops").exclude(kek="kek-20270101")
    assert [key.pk for key in outdated] == [damaged]
    (message,) = [record.getMessage() for record in caplog.records if record.levelname == "CRITICAL"]
    assert message.startswith(f"SEALED_VALUE_UNREADABLE compliance.datakey.wrapped row {damaged} owner {alice.pk}: ")
    assert rotation.count_outdated_wrappings(excluding=[damaged]) == 0


def test_it_reports_and_records_its_work_if_the_systems_key_is_damaged(
    alice: Any, make_box: Any, new_primary: Any, damage_keys: Any
) -> None:
    make_box(alice)
    data_keys.get_active_key(SYSTEM)
    # Keys are committed outside of a test's transaction, so an earlier test may have left one as well.
    damaged = len(list_key_rows(SYSTEM))
    new_primary()
    damage_keys(SYSTEM)
    with pytest.raises(CommandError, match=f"{damaged} data keys could not be opened"):
        call_command("rotate_keys", stdout=StringIO())
    with tenant(SYSTEM):
        event = AuditEvent.objects.first()
        assert event is not None
        assert (event.action, bytes(event.payload)) == ("key_rotation", b"")
    assert [kek for _, kek, _ in list_key_rows(alice.pk)] == ["kek-20270101"]


def test_it_records_each_rotation_in_the_systems_trail(new_primary: Any) -> None:
    new_primary()
    call_command("rotate_keys", stdout=StringIO())
    with tenant(SYSTEM):
        event = AuditEvent.objects.first()
        assert event is not None
        assert event.action == "key_rotation"
        assert event.details().keys() == {"rewrapped", "renewed", "resealed"}


# --- Data keys --------------------------------------------------------------------------------------------


def test_it_gives_each_owner_a_new_key_and_keeps_the_retired_one(alice: Any, make_box: Any, read_box: Any) -> None:
    box = make_box(alice, "old")
    renew_data_keys(older_than=EVERY_AGE)
    (old_id, _, old_active), (new_id, _, new_active) = list_key_rows(alice.pk)
    assert (old_active, new_active) == (False, True)
    assert read_box(box).token.reveal() == "old"
    assert data_keys.get_active_key(alice.pk).id == new_id != old_id


def test_it_renews_each_key_once_when_repeated(alice: Any, make_box: Any) -> None:
    make_box(alice)
    DataKey.objects.using("ops").filter(owner=alice.pk).update(created_at="2020-01-01T00:00Z")
    assert renew_data_keys(older_than=timedelta(days=1)) == 1
    assert renew_data_keys(older_than=timedelta(days=1)) == 0
    assert len(list_key_rows(alice.pk)) == 2


def test_it_reseals_every_column(alice: Any, make_box: Any, read_box: Any, read_column: Any) -> None:
    box, box_without_note = make_box(alice, "t", note="n"), make_box(alice, "u")
    renew_data_keys(older_than=EVERY_AGE)
    resealing = Resealing().run(list_columns())
    assert (resealing.resealed, resealing.changed_meanwhile, resealing.unreadable) == (3, 0, [])
    (old_id, *_), (new_id, *_) = list_key_rows(alice.pk)
    assert {key_id(read_column(box)), key_id(read_column(box, "note")), key_id(read_column(box_without_note))} == {
        new_id
    }
    DataKey.objects.using("ops").filter(pk=old_id).delete()
    data_keys.clear_cache()
    reloaded = read_box(box)
    assert (reloaded.token.reveal(), reloaded.note.reveal(), read_box(box_without_note).token.reveal()) == (
        "t",
        "n",
        "u",
    )
    assert Resealing().run(list_columns()).resealed == 0


def test_it_lists_unreadable_values_and_continues(
    alice: Any, make_box: Any, read_column: Any, overwrite_box: Any
) -> None:
    damaged_box, intact_box = make_box(alice), make_box(alice)
    renew_data_keys(older_than=EVERY_AGE)
    overwrite_box(damaged_box, token=read_column(intact_box))
    resealing = Resealing().run(list_columns())
    assert resealing.resealed == 1
    assert resealing.unreadable == [
        f"sample.Box {damaged_box.pk}: A sealed value was changed, or does not belong where it stands."
    ]


def test_it_reseals_other_owners_values_if_a_data_key_is_damaged(
    alice: Any, mallory: Any, make_box: Any, read_column: Any, damage_keys: Any
) -> None:
    damaged_box, intact_box = make_box(alice), make_box(mallory)
    renew_data_keys(older_than=EVERY_AGE)
    damage_keys(alice.pk)
    resealing = Resealing().run(list_columns())
    assert resealing.unreadable == [
        f"sample.Box {damaged_box.pk}: A data key was changed, or belongs to another owner."
    ]
    assert key_id(read_column(intact_box)) == list_key_rows(mallory.pk)[-1][0]
    with pytest.raises(SealError, match="A data key was changed"):
        data_keys.get_active_key(alice.pk)
    renew_data_keys(older_than=EVERY_AGE)
    assert data_keys.get_active_key(alice.pk).id == list_key_rows(alice.pk)[-1][0]


def test_it_finds_only_sealed_columns_of_the_project() -> None:
    names = {f"{m._meta.label}.{column.name}" for m, column in rotation.sealed_columns()}
    assert all(isinstance(column, rotation.SealedTextField) for _, column in rotation.sealed_columns())
    assert "sample.Box.token" not in names


# --- Concurrency and crashes ------------------------------------------------------------------------------


def test_it_loses_no_concurrent_update(alice: Any, mallory: Any, make_box: Any, Box: Any) -> None:
    boxes = {user.pk: [make_box(user, f"first-{n}") for n in range(40)] for user in (alice, mallory)}
    written: dict[UUID, str] = {box.pk: box.token.reveal() for owned_boxes in boxes.values() for box in owned_boxes}
    stop, all_started = threading.Event(), threading.Barrier(3)

    def write(owner: UUID) -> None:
        all_started.wait()
        round_number = 0
        while not stop.is_set():
            round_number += 1
            for box in boxes[owner]:
                with tenant(owner):
                    row = Box.objects.select_for_update().get(pk=box.pk)
                    row.token = f"{round_number}-{box.pk}"
                    row.save(update_fields=["token"])
                written[box.pk] = f"{round_number}-{box.pk}"
        connections.close_all()

    writers = [threading.Thread(target=write, args=(owner,)) for owner in boxes]
    for writer in writers:
        writer.start()
    all_started.wait()
    for _ in range(25):
        renew_data_keys(older_than=EVERY_AGE)
        Resealing().run(list_columns())
    stop.set()
    for writer in writers:
        writer.join()
    data_keys.clear_cache()
    Resealing().run(list_columns())

    retired = DataKey.objects.using("ops").filter(active=False, owner__in=boxes)
    assert retired.delete()[0] == 2 * 25
    for owner in boxes:
        with tenant(owner):
            assert {b.pk: b.token.reveal() for b in Box.objects.all()} == {b.pk: written[b.pk] for b in boxes[owner]}


def test_it_does_not_overwrite_a_value_that_was_written_meanwhile(
    alice: Any, make_box: Any, read_box: Any, Box: Any
) -> None:
    box = make_box(alice, "old")
    renew_data_keys(older_than=EVERY_AGE)

    class OvertakenResealing(Resealing):
        """A pass during which the site writes a value, between reading and swapping."""

        def _swap(self, *arguments: Any) -> None:
            with tenant(alice.pk):
                row = Box.objects.get(pk=box.pk)
                row.token = "newer"
                row.save()
            super()._swap(*arguments)

    resealing = OvertakenResealing().run(list_columns()[:1])
    assert (resealing.resealed, resealing.changed_meanwhile) == (0, 1)
    assert read_box(box).token.reveal() == "newer"


def test_it_continues_after_it_was_killed(alice: Any, Box: Any, read_column: Any) -> None:
    total, page_size = 1200, rotation.PAGE_SIZE
    with tenant(alice.pk):
        boxes = Box.objects.bulk_create([Box(owner_id=alice.pk, token=f"t{n}") for n in range(total)])
    renew_data_keys(older_than=EVERY_AGE)
    new_id = data_keys.get_active_key(alice.pk).id
    # A row of the second page is locked: the program stops there, with the first page done.
    with hold_rows("SELECT FROM sample_box WHERE id = %s FOR UPDATE", boxes[page_size + 10].pk):
        program = start_resealing()
        wait_for_a_blocked_session(program)
        program.send_signal(signal.SIGKILL)
        program.wait()

    assert sum(key_id(read_column(box)) == new_id for box in boxes) == page_size
    resealing = Resealing().run(list_columns())
    assert (resealing.resealed, resealing.changed_meanwhile) == (total - page_size, 0)
    with tenant(alice.pk):
        assert [box.token.reveal() for box in Box.objects.order_by("id")] == [f"t{n}" for n in range(total)]


@contextmanager
def hold_rows(statement: str, *values: Any) -> Iterator[None]:
    """Keep rows locked on another connection."""
    session = connections["ops"].copy()
    try:
        session.set_autocommit(False)
        with session.cursor() as cursor:
            cursor.execute(statement, values)
            yield
    finally:
        # ``close`` does not wait for the server, which would release the rows a little later.
        session.rollback()
        session.close()


def start_resealing() -> "subprocess.Popen[bytes]":
    """Start the program on this test's database."""
    environment = dict(os.environ)
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_OPS_URL"):
        environment[name] = environment[name].replace("/plumbline?", f"/{connection.settings_dict['NAME']}?")
    environment.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    return subprocess.Popen([sys.executable, "-m", "compliance.tests.resealing"], env=environment)


def wait_for_a_blocked_session(program: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while program.poll() is None and time.monotonic() < deadline:
        with connections["ops"].cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE NOT granted AND datname = current_database()"
            )
            if cursor.fetchone() != (0,):
                return
    pytest.fail("The program never reached the row that is held.")
