"""Plaid as a bank data provider. Its field names, error codes and webhooks stay in this package."""
