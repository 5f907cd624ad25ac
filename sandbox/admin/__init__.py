"""The admin endpoints of the sandbox, which Plaid does not have."""
