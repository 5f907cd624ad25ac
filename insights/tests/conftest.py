"""Insights' tests use banking's fixtures."""

from banking.tests.conftest import item, make_item, provider

__all__ = ["item", "make_item", "provider"]
