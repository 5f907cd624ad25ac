"""How long a bank gives access, what the provider announces about it, and the status of each product of an Item."""
