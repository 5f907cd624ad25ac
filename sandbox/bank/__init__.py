"""The local banks: what they know of Items, accounts and transactions, and how that changes."""
