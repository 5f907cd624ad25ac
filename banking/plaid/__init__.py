"""Plaid, behind ``banking.provider``: its words, its failures and its webhooks end in this folder."""
