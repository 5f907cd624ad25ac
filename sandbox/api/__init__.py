"""Plaid's API: the gate every call passes, and the endpoints behind it."""

from sandbox.api.gate import ROUTES

__all__ = ["ROUTES"]
