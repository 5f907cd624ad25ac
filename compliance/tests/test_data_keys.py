"""One data key for each owner: made once, wrapped, remembered briefly, gone when shredded."""

from uuid import uuid4

import pytest
from django.db import ProgrammingError, connection, transaction

from compliance.isolation import SYSTEM, current_tenant, tenant
from compliance.tests.conftest import everywhere, key_rows
from compliance.tests.threads import in_threads
from compliance.vault import build_aad, data_keys, seal, unseal
from compliance.vault.data_keys import get_active_key, get_key, shred
from compliance.vault.errors import KeyDestroyed, SealError
from compliance.vault.key_cache import CACHE_SIZE, KeyCache, LoadedKey

pytestmark = everywhere

HERE = build_aad("test/v1")


def test_it_makes_one_key_for_each_owner() -> None:
    alice, mallory = uuid4(), uuid4()
    assert get_active_key(alice).id == get_active_key(alice).id != get_active_key(mallory).id
    assert len(key_rows(alice)) == len(key_rows(mallory)) == 1


def test_it_makes_one_key_when_many_need_the_first_at_once() -> None:
    owner = uuid4()
    ids = in_threads(8, lambda: get_active_key(owner).id)
    assert len(set(ids)) == 1
    assert len(key_rows(owner)) == 1


def test_it_keeps_a_key_whose_first_use_was_rolled_back() -> None:
    owner = uuid4()
    with tenant(owner):
        sealed = seal(b"value", owner=owner, aad=HERE)
        transaction.set_rollback(True)
    data_keys.clear_cache()
    assert unseal(sealed, owner=owner, aad=HERE) == b"value"


def test_it_finds_a_key_apart_from_a_transaction_that_has_failed() -> None:
    owner = uuid4()
    with transaction.atomic():
        transaction.set_rollback(True)
        key = get_active_key(owner, autonomous=True)
    assert [row[0] for row in key_rows(owner)] == [key.id]


def test_it_seals_for_another_than_the_bound_owner_and_leaves_the_binding_alone() -> None:
    alice, subject = uuid4(), uuid4()
    with tenant(alice):
        sealed = seal(b"value", owner=subject, aad=HERE)
        assert current_tenant() == alice
        with connection.cursor() as cursor:
            cursor.execute("SELECT app_tenant()")
            assert cursor.fetchone() == (alice,)
    data_keys.clear_cache()
    assert unseal(sealed, owner=subject, aad=HERE) == b"value"


def test_it_shows_the_site_no_other_owners_keys() -> None:
    alice, mallory = uuid4(), uuid4()
    get_active_key(alice)
    get_active_key(mallory)
    with tenant(mallory), connection.cursor() as cursor:
        cursor.execute("SELECT owner FROM compliance_datakey")
        assert cursor.fetchall() == [(mallory,)]
        cursor.execute("DELETE FROM compliance_datakey WHERE owner = %s", [alice])
        assert cursor.rowcount == 0


def test_it_lets_the_site_change_no_key() -> None:
    owner = uuid4()
    get_active_key(owner)
    with pytest.raises(ProgrammingError, match="permission denied"), tenant(owner), connection.cursor() as cursor:
        cursor.execute("UPDATE compliance_datakey SET kek = 'mine'")


def test_it_refuses_a_key_of_another_owner() -> None:
    alice, mallory = uuid4(), uuid4()
    sealed = seal(b"value", owner=alice, aad=HERE)
    with pytest.raises(KeyDestroyed):
        get_key(mallory, get_active_key(alice).id)
    with pytest.raises(SealError):
        unseal(sealed, owner=mallory, aad=HERE)


def test_it_forgets_keys_after_a_minute() -> None:
    seconds = iter([1000.0, 1059.9, 1060.0])
    cache: KeyCache[str, LoadedKey] = KeyCache(clock=lambda: next(seconds))
    cache.put("alice", LoadedKey(1, None))
    assert cache.get("alice") is not None
    assert cache.get("alice") is None


def test_it_keeps_a_bounded_number_of_keys() -> None:
    cache: KeyCache[int, LoadedKey] = KeyCache()
    for name in range(CACHE_SIZE + 1):
        cache.put(name, LoadedKey(name, None))
    assert cache.get(0) is None
    assert cache.get(1) is not None
    assert cache.get(CACHE_SIZE) is not None


# --- Crypto-shredding -------------------------------------------------------------------------------------


def test_it_makes_everything_unreadable_when_shredded() -> None:
    alice, mallory = uuid4(), uuid4()
    hers = seal(b"value", owner=alice, aad=HERE)
    others = seal(b"value", owner=mallory, aad=HERE)
    assert shred(alice) == 1
    with pytest.raises(KeyDestroyed):
        unseal(hers, owner=alice, aad=HERE)
    assert unseal(others, owner=mallory, aad=HERE) == b"value"
    assert key_rows(alice) == []


def test_it_shreds_with_the_transaction_that_asked_for_it() -> None:
    owner = uuid4()
    sealed = seal(b"value", owner=owner, aad=HERE)
    with transaction.atomic():
        shred(owner)
        transaction.set_rollback(True)
    data_keys.clear_cache()
    assert unseal(sealed, owner=owner, aad=HERE) == b"value"


def test_it_never_shreds_the_systems_key() -> None:
    with pytest.raises(ValueError, match="never destroyed"):
        shred(SYSTEM)
