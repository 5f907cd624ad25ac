"""Fixtures of config's tests: those of banking's and credit's tests for Alice's bank and bureau."""

from collections.abc import Callable

import pytest

from accounts.models import User
from banking.models import Item
from banking.tests.conftest import item, make_item, provider, stored_transactions
from banking.tests.factories import make_account, make_transaction
from banking.tests.sandbox_process import sandbox
from banking.tests.scripted_provider import ScriptedProvider
from compliance.audit import Action, record
from config.tests.exports import WrittenExport, export_data
from config.tests.owned_objects import OwnedObjects, make_owned_objects
from credit.tests.conftest import days, local_bureau, sandbox_program, site_bureau
from credit.tests.factories import store_full_report

__all__ = [
    "days", "item", "local_bureau", "make_item", "provider", "sandbox", "sandbox_program", "site_bureau",
    "stored_transactions",
]  # fmt: skip


@pytest.fixture
def owned_objects(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> OwnedObjects:
    """One of each kind of object, all owned by Alice."""
    return make_owned_objects(alice, make_item)


@pytest.fixture
def export(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> WrittenExport:
    """An export of Alice with a transaction, a report and four entries of her activity."""
    make_transaction(make_account(make_item(alice)), "-4.33", note="ä")
    store_full_report(alice)
    for action in (Action.USER_LOGIN, Action.CONNECT, Action.SYNC, Action.USER_LOGOUT):
        record(action, subject=alice, actor=alice if action != Action.SYNC else None, resource_id="ü")
    return export_data(alice)
