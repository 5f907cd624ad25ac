import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from banking.plaid import webhook_keys
from banking.plaid.webhook_keys import KeyUnavailable, WebhookKeys
from banking.provider import Unavailable

PUBLIC = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)


class SlowPlaid:
    """Returns a key only after ``may_respond`` is set, and records the ids that were looked up."""

    def __init__(self):
        self.key_ids = []
        self.entered = threading.Event()
        self.may_respond = threading.Event()

    def fetch(self, key_id):
        self.key_ids.append(key_id)
        self.entered.set()
        self.may_respond.wait()
        return PUBLIC | {"kid": key_id, "alg": "ES256", "use": "sig", "expired_at": None}


@pytest.fixture
def plaid():
    slow = SlowPlaid()
    yield slow
    slow.may_respond.set()


def find_in_threads(held_keys, *key_ids):
    keys = []
    threads = [threading.Thread(target=lambda kid=kid: keys.append(held_keys.find(kid))) for kid in key_ids]
    for thread in threads:
        thread.start()
    return threads, keys


def test_it_looks_up_a_key_once_for_concurrent_calls(plaid):
    held_keys = WebhookKeys(plaid.fetch)
    threads, keys = find_in_threads(held_keys, *["k1"] * 8)
    plaid.entered.wait()
    plaid.may_respond.set()
    for thread in threads:
        thread.join()
    assert plaid.key_ids == ["k1"]
    assert len(keys) == 8


def test_it_returns_a_cached_key_during_another_lookup(plaid):
    held_keys = WebhookKeys(plaid.fetch)
    plaid.may_respond.set()
    held_keys.find("held")
    plaid.may_respond.clear()
    plaid.entered.clear()
    [thread], _ = find_in_threads(held_keys, "slow")
    plaid.entered.wait()
    assert held_keys.find("held")
    assert thread.is_alive()
    plaid.may_respond.set()
    thread.join()


def test_it_waits_a_limited_time_for_another_lookup(plaid, monkeypatch):
    monkeypatch.setattr(webhook_keys, "WAIT_SECONDS", 0.01)
    held_keys = WebhookKeys(plaid.fetch)
    [thread], _ = find_in_threads(held_keys, "slow")
    plaid.entered.wait()
    with pytest.raises(KeyUnavailable):
        held_keys.find("other")
    plaid.may_respond.set()
    thread.join()
    assert plaid.key_ids == ["slow"]


def test_it_works_after_a_failed_lookup(plaid):
    plaid.may_respond.set()
    fetches = iter([fail, plaid.fetch])
    held_keys = WebhookKeys(lambda key_id: next(fetches)(key_id))
    with pytest.raises(KeyUnavailable):
        held_keys.find("k1")
    assert held_keys.find("k1")


def fail(key_id):
    raise Unavailable("TIMEOUT")
