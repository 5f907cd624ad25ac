"""Plaid's rate limits, and the transport that keeps to them."""
