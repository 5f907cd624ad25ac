"""Keys are changed while the site runs, and a rotation that is killed is simply run again."""

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
from compliance.tests.conftest import everywhere, key_rows
from compliance.tests.sample_tables import model
from compliance.vault import data_keys, rotation
from compliance.vault.envelope_encryption import key_id
from compliance.vault.errors import SealError
from compliance.vault.rotation import Resealing, renew_data_keys, rewrap

pytestmark = everywhere

AT_ONCE = timedelta(seconds=-1)


def columns() -> list[rotation.SealedColumn]:
    box = model("Box")
    return [(box, box._meta.get_field("token")), (box, box._meta.get_field("note"))]


@pytest.fixture
def new_primary(settings: Any) -> Iterator[Callable[[], None]]:
    """Put a new key first in the ring, as an operator does. Other tests' keys are turned back afterwards."""
    old, new = settings.FIELD_KEYS, "kek-20270101:" + b64encode(os.urandom(32)).decode()

    def put() -> None:
        settings.FIELD_KEYS = f"{new},{old}"
        data_keys.clear_cache()

    yield put
    settings.FIELD_KEYS = f"{old},{new}"
    rewrap()


# --- Key-encryption keys ----------------------------------------------------------------------------------


def test_it_wraps_every_key_again_and_touches_no_data(
    alice: Any, mallory: Any, make_box: Any, read_box: Any, raw: Any, new_primary: Any
) -> None:
    boxes = [make_box(alice, "a"), make_box(mallory, "m")]
    before = [raw(box) for box in boxes]
    new_primary()
    assert rotation.count_outdated_wrappings() == DataKey.objects.using("ops").count() == rewrap().rewrapped
    assert rewrap().rewrapped == rotation.count_outdated_wrappings() == 0
    assert [raw(box) for box in boxes] == before
    data_keys.clear_cache()
    assert [read_box(box).token.reveal() for box in boxes] == ["a", "m"]


def test_it_needs_the_old_key_until_everything_is_wrapped_again(
    alice: Any, make_box: Any, read_box: Any, new_primary: Any, settings: Any
) -> None:
    box = make_box(alice, "a")
    new_primary()
    both = settings.FIELD_KEYS
    settings.FIELD_KEYS = both.split(",")[0]
    with pytest.raises(SealError, match="Put it back"):
        read_box(box).token.reveal()
    with pytest.raises(CommandError, match="Put it back"):
        call_command("rotate_keys")
    settings.FIELD_KEYS = both
    call_command("rotate_keys", stdout=StringIO())
    settings.FIELD_KEYS = both.split(",")[0]
    data_keys.clear_cache()
    assert read_box(box).token.reveal() == "a"


def test_it_is_not_done_while_a_key_is_under_an_older_one(alice: Any, make_box: Any, new_primary: Any) -> None:
    make_box(alice)
    new_primary()
    locked = holding("SELECT FROM compliance_datakey WHERE owner = %s FOR UPDATE", alice.pk)
    with locked, pytest.raises(CommandError, match="1 data keys came up meanwhile"):
        call_command("rotate_keys", stdout=StringIO())
    call_command("rotate_keys", stdout=StringIO())


def test_it_wraps_every_other_key_again_where_one_is_damaged(
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
    ((damaged, _, _),) = key_rows(alice.pk)
    with pytest.raises(CommandError, match="1 data keys could not be opened") as refused:
        call_command("rotate_keys", stdout=StringIO())
    assert "meanwhile" not in str(refused.value)
    outdated = DataKey.objects.using("ops").exclude(kek="kek-20270101")
    assert [key.pk for key in outdated] == [damaged]
    (message,) = [record.getMessage() for record in caplog.records if record.levelname == "CRITICAL"]
    assert message.startswith(f"SEALED_VALUE_UNREADABLE compliance.datakey.wrapped row {damaged} owner {alice.pk}: ")
    assert rotation.count_outdated_wrappings(excluding=[damaged]) == 0


def test_it_says_what_it_did_where_the_systems_own_key_is_damaged(
    alice: Any, make_box: Any, new_primary: Any, damage_keys: Any
) -> None:
    make_box(alice)
    data_keys.get_active_key(SYSTEM)
    # Keys are committed apart from the test, so an earlier test may have left one as well.
    damaged = len(key_rows(SYSTEM))
    new_primary()
    damage_keys(SYSTEM)
    with pytest.raises(
        CommandError, match=rf"{damaged} data keys could not be opened(?s:.)*is not in the system's trail"
    ):
        call_command("rotate_keys", stdout=StringIO())
    assert [kek for _, kek, _ in key_rows(alice.pk)] == ["kek-20270101"]


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
    renew_data_keys(older_than=AT_ONCE)
    (old, _, old_active), (new, _, new_active) = key_rows(alice.pk)
    assert (old_active, new_active) == (False, True)
    assert read_box(box).token.reveal() == "old"
    assert data_keys.get_active_key(alice.pk).id == new != old


def test_it_goes_on_instead_of_starting_over_when_repeated(alice: Any, make_box: Any) -> None:
    make_box(alice)
    DataKey.objects.using("ops").filter(owner=alice.pk).update(created_at="2020-01-01T00:00Z")
    assert renew_data_keys(older_than=timedelta(days=1)) == 1
    assert renew_data_keys(older_than=timedelta(days=1)) == 0
    assert len(key_rows(alice.pk)) == 2


def test_it_seals_every_column_again(alice: Any, make_box: Any, read_box: Any, raw: Any) -> None:
    box, bare = make_box(alice, "t", note="n"), make_box(alice, "u")
    renew_data_keys(older_than=AT_ONCE)
    done = Resealing().run(columns())
    assert (done.resealed, done.changed_meanwhile, done.unreadable) == (3, 0, [])
    (old, *_), (new, *_) = key_rows(alice.pk)
    assert {key_id(raw(box)), key_id(raw(box, "note")), key_id(raw(bare))} == {new}
    DataKey.objects.using("ops").filter(pk=old).delete()
    data_keys.clear_cache()
    again = read_box(box)
    assert (again.token.reveal(), again.note.reveal(), read_box(bare).token.reveal()) == ("t", "n", "u")
    assert Resealing().run(columns()).resealed == 0


def test_it_names_values_that_cannot_be_opened_and_goes_on(alice: Any, make_box: Any, raw: Any, plant: Any) -> None:
    broken, whole = make_box(alice), make_box(alice)
    renew_data_keys(older_than=AT_ONCE)
    plant(broken, token=raw(whole))
    done = Resealing().run(columns())
    assert done.resealed == 1
    assert done.unreadable == [
        f"sample.Box {broken.pk}: A sealed value was changed, or does not belong where it stands."
    ]


def test_it_seals_everybody_elses_values_again_where_a_data_key_is_damaged(
    alice: Any, mallory: Any, make_box: Any, raw: Any, damage_keys: Any
) -> None:
    lost, whole = make_box(alice), make_box(mallory)
    renew_data_keys(older_than=AT_ONCE)
    damage_keys(alice.pk)
    done = Resealing().run(columns())
    assert done.unreadable == [f"sample.Box {lost.pk}: A data key was changed, or belongs to another owner."]
    assert key_id(raw(whole)) == key_rows(mallory.pk)[-1][0]
    with pytest.raises(SealError, match="A data key was changed"):
        data_keys.get_active_key(alice.pk)
    renew_data_keys(older_than=AT_ONCE)
    assert data_keys.get_active_key(alice.pk).id == key_rows(alice.pk)[-1][0]


def test_it_knows_every_sealed_column_of_the_project() -> None:
    found = {f"{m._meta.label}.{column.name}" for m, column in rotation.sealed_columns()}
    assert all(isinstance(column, rotation.SealedTextField) for _, column in rotation.sealed_columns())
    assert "sample.Box.token" not in found


# --- Under load and under fire ----------------------------------------------------------------------------


def test_it_loses_no_update_to_writers_at_work(alice: Any, mallory: Any, make_box: Any, Box: Any) -> None:
    boxes = {person.pk: [make_box(person, f"first-{n}") for n in range(40)] for person in (alice, mallory)}
    written: dict[UUID, str] = {box.pk: box.token.reveal() for mine in boxes.values() for box in mine}
    stop, begun = threading.Event(), threading.Barrier(3)

    def write(owner: UUID) -> None:
        begun.wait()
        turn = 0
        while not stop.is_set():
            turn += 1
            for box in boxes[owner]:
                with tenant(owner):
                    row = Box.objects.select_for_update().get(pk=box.pk)
                    row.token = f"{turn}-{box.pk}"
                    row.save(update_fields=["token"])
                written[box.pk] = f"{turn}-{box.pk}"
        connections.close_all()

    writers = [threading.Thread(target=write, args=(owner,)) for owner in boxes]
    for writer in writers:
        writer.start()
    begun.wait()
    for _ in range(5):
        renew_data_keys(older_than=AT_ONCE)
        Resealing().run(columns())
    stop.set()
    for writer in writers:
        writer.join()
    data_keys.clear_cache()
    Resealing().run(columns())

    retired = DataKey.objects.using("ops").filter(active=False, owner__in=boxes)
    assert retired.delete()[0] == 10
    for owner in boxes:
        with tenant(owner):
            assert {b.pk: b.token.reveal() for b in Box.objects.all()} == {b.pk: written[b.pk] for b in boxes[owner]}


def test_it_leaves_a_value_alone_that_was_written_meanwhile(alice: Any, make_box: Any, read_box: Any, Box: Any) -> None:
    box = make_box(alice, "old")
    renew_data_keys(older_than=AT_ONCE)

    class Overtaken(Resealing):
        """A pass during which somebody writes, between reading and swapping."""

        def _swap(self, *arguments: Any) -> None:
            with tenant(alice.pk):
                row = Box.objects.get(pk=box.pk)
                row.token = "newer"
                row.save()
            super()._swap(*arguments)

    done = Overtaken().run(columns()[:1])
    assert (done.resealed, done.changed_meanwhile) == (0, 1)
    assert read_box(box).token.reveal() == "newer"


def test_it_survives_being_killed_midway(alice: Any, Box: Any, raw: Any) -> None:
    total, page = 1200, rotation.PAGE_SIZE
    with tenant(alice.pk):
        boxes = Box.objects.bulk_create([Box(owner_id=alice.pk, token=f"t{n}") for n in range(total)])
    renew_data_keys(older_than=AT_ONCE)
    new = data_keys.get_active_key(alice.pk).id
    # Somebody holds a row of the second page: the program stops there, with the first page done.
    with holding("SELECT FROM sample_box WHERE id = %s FOR UPDATE", boxes[page + 10].pk):
        program = start_resealing()
        wait_for_a_blocked_session(program)
        program.send_signal(signal.SIGKILL)
        program.wait()

    assert sum(key_id(raw(box)) == new for box in boxes) == page
    done = Resealing().run(columns())
    assert (done.resealed, done.changed_meanwhile) == (total - page, 0)
    with tenant(alice.pk):
        assert [box.token.reveal() for box in Box.objects.order_by("id")] == [f"t{n}" for n in range(total)]


@contextmanager
def holding(statement: str, *values: Any) -> Iterator[None]:
    """Keep rows locked on another connection."""
    holder = connections["ops"].copy()
    try:
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            cursor.execute(statement, values)
            yield
    finally:
        # Closing alone is not waited for: the rows would be free a little later.
        holder.rollback()
        holder.close()


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
