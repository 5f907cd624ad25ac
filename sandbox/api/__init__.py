"""Plaid's API: the dispatcher of all calls, and the endpoints."""
