"""How long transactions are kept: deletes them in batches, keeps their totals, and computes totals without rows."""
