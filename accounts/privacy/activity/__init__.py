"""A person's own audit trail: every event in words, filters, a file, and whether it verifies."""
