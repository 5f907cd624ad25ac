"""Plaid's API: the dispatcher that every call passes, and the endpoints behind it."""
