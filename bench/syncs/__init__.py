"""Benches of syncs: from the webhook to the committed rows, and what the rows cost."""
