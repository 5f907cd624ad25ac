"""What insights' tests start from: a connection of Alice's, as banking's tests have it."""

from banking.tests.conftest import item, make_item, provider

__all__ = ["item", "make_item", "provider"]
