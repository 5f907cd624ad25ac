"""Webhooks: their contents, signatures and delivery, as Plaid's."""
