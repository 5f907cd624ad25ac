"""What the roof's tests start from: a connection of Alice's and a scripted provider, as banking's tests have them."""

from banking.tests.conftest import item, make_item, provider
from banking.tests.sandbox_process import sandbox

__all__ = ["item", "make_item", "provider", "sandbox"]
