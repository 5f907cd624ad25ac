"""Webhooks: what is said, signed and delivered as Plaid does."""
