"""Fixtures of config's tests: those of banking's and credit's tests for Alice's bank and bureau."""

from collections.abc import Callable

import pytest

from accounts.models import User
from banking.models import Item
from banking.tests.conftest import item, make_item, provider, stored_transactions
from banking.tests.sandbox_process import sandbox
from banking.tests.scripted_provider import ScriptedProvider
from config.tests.owned_objects import OwnedObjects, make_owned_objects
from credit.tests.conftest import days, local_bureau, sandbox_program, site_bureau

__all__ = [
    "days", "item", "local_bureau", "make_item", "provider", "sandbox", "sandbox_program", "site_bureau",
    "stored_transactions",
]  # fmt: skip


@pytest.fixture
def owned_objects(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> OwnedObjects:
    """One of each kind of object, all owned by Alice."""
    return make_owned_objects(alice, make_item)
