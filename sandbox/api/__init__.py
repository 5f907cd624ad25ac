"""Plaid's API: the gate every call passes, and the endpoints behind it."""

from sandbox.api.dispatcher import ROUTES

__all__ = ["ROUTES"]
