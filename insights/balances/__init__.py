"""Balances of accounts: now, by currency, and over time."""
