"""Each owner has one active data key, which is created once, wrapped, cached briefly and deleted by shredding."""

from uuid import uuid4

import pytest
from django.db import ProgrammingError, connection, transaction

from compliance.isolation import SYSTEM, current_tenant, tenant
from compliance.tests.conftest import default_and_ops, list_key_rows
from compliance.tests.threads import in_threads
from compliance.vault import build_aad, data_keys, seal, unseal
from compliance.vault.data_keys import get_active_key, get_key, shred
from compliance.vault.errors import KeyDestroyed, SealError
from compliance.vault.key_cache import CACHE_SIZE, KeyCache, LoadedKey

pytestmark = default_and_ops

AAD = build_aad("test/v1")


def test_it_creates_one_key_per_owner() -> None:
    alice, mallory = uuid4(), uuid4()
    assert get_active_key(alice).id == get_active_key(alice).id != get_active_key(mallory).id
    assert len(list_key_rows(alice)) == len(list_key_rows(mallory)) == 1


def test_it_creates_one_key_for_concurrent_first_uses() -> None:
    owner = uuid4()
    ids = in_threads(8, lambda: get_active_key(owner).id)
    assert len(set(ids)) == 1
    assert len(list_key_rows(owner)) == 1


def test_it_keeps_a_key_whose_first_use_was_rolled_back() -> None:
    owner = uuid4()
    with tenant(owner):
        sealed = seal(b"value", owner=owner, aad=AAD)
        transaction.set_rollback(True)
    data_keys.clear_cache()
    assert unseal(sealed, owner=owner, aad=AAD) == b"value"


def test_it_gets_a_key_outside_of_a_failed_transaction() -> None:
    owner = uuid4()
    with transaction.atomic():
        transaction.set_rollback(True)
        key = get_active_key(owner, autonomous=True)
    assert [row[0] for row in list_key_rows(owner)] == [key.id]


def test_it_seals_for_another_owner_and_keeps_the_tenant() -> None:
    alice, subject = uuid4(), uuid4()
    with tenant(alice):
        sealed = seal(b"value", owner=subject, aad=AAD)
        assert current_tenant() == alice
        with connection.cursor() as cursor:
            cursor.execute("SELECT app_tenant()")
            assert cursor.fetchone() == (alice,)
    data_keys.clear_cache()
    assert unseal(sealed, owner=subject, aad=AAD) == b"value"


def test_it_hides_other_owners_keys_from_the_site() -> None:
    alice, mallory = uuid4(), uuid4()
    get_active_key(alice)
    get_active_key(mallory)
    with tenant(mallory), connection.cursor() as cursor:
        cursor.execute("SELECT owner FROM compliance_datakey")
        assert cursor.fetchall() == [(mallory,)]
        cursor.execute("DELETE FROM compliance_datakey WHERE owner = %s", [alice])
        assert cursor.rowcount == 0


def test_it_does_not_let_the_site_change_a_key() -> None:
    owner = uuid4()
    get_active_key(owner)
    with pytest.raises(ProgrammingError, match="permission denied"), tenant(owner), connection.cursor() as cursor:
        cursor.execute("UPDATE compliance_datakey SET kek = 'mine'")


def test_it_raises_for_another_owners_key() -> None:
    alice, mallory = uuid4(), uuid4()
    sealed = seal(b"value", owner=alice, aad=AAD)
    with pytest.raises(KeyDestroyed):
        get_key(mallory, get_active_key(alice).id)
    with pytest.raises(SealError):
        unseal(sealed, owner=mallory, aad=AAD)


def test_it_caches_keys_for_a_minute() -> None:
    seconds = iter([1000.0, 1059.9, 1060.0])
    cache: KeyCache[str, LoadedKey] = KeyCache(clock=lambda: next(seconds))
    cache.put("alice", LoadedKey(1, None))
    assert cache.get("alice") is not None
    assert cache.get("alice") is None


def test_it_caches_a_limited_number_of_keys() -> None:
    cache: KeyCache[int, LoadedKey] = KeyCache()
    for name in range(CACHE_SIZE + 1):
        cache.put(name, LoadedKey(name, None))
    assert cache.get(0) is None
    assert cache.get(1) is not None
    assert cache.get(CACHE_SIZE) is not None


# --- Crypto-shredding -------------------------------------------------------------------------------------


def test_it_makes_an_owners_values_unreadable_by_shredding() -> None:
    alice, mallory = uuid4(), uuid4()
    alices_value = seal(b"value", owner=alice, aad=AAD)
    mallorys_value = seal(b"value", owner=mallory, aad=AAD)
    assert shred(alice) == 1
    with pytest.raises(KeyDestroyed):
        unseal(alices_value, owner=alice, aad=AAD)
    assert unseal(mallorys_value, owner=mallory, aad=AAD) == b"value"
    assert list_key_rows(alice) == []


def test_it_rolls_shredding_back_with_its_transaction() -> None:
    owner = uuid4()
    sealed = seal(b"value", owner=owner, aad=AAD)
    with transaction.atomic():
        shred(owner)
        transaction.set_rollback(True)
    data_keys.clear_cache()
    assert unseal(sealed, owner=owner, aad=AAD) == b"value"


def test_it_never_shreds_the_systems_key() -> None:
    with pytest.raises(ValueError, match="never destroyed"):
        shred(SYSTEM)
