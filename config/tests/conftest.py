"""What the roof's tests start from: what banking's and credit's tests have of Alice's bank and bureau."""

from banking.tests.conftest import item, make_item, provider
from banking.tests.sandbox_process import sandbox
from credit.tests.conftest import days, local_bureau, own_cache, sandbox_program, site_bureau

__all__ = [
    "days", "item", "local_bureau", "make_item", "own_cache", "provider", "sandbox", "sandbox_program", "site_bureau",
]  # fmt: skip
