"""The local banks: Items, accounts and transactions, and how they change."""
