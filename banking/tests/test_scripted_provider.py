import inspect

import pytest

from banking.plaid.client import PlaidClient
from banking.provider import ProviderClient
from banking.tests.scripted_provider import ScriptedProvider

CALLS = [name for name, value in vars(ProviderClient).items() if callable(value) and not name.startswith("_")]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("implementation", [ScriptedProvider, PlaidClient])
def test_it_has_the_signatures_of_the_provider_protocol(call: str, implementation: type) -> None:
    expected = inspect.signature(getattr(ProviderClient, call))
    assert inspect.signature(getattr(implementation, call)) == expected
