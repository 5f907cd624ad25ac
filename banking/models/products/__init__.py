"""Products of an Item beside its transactions: whether it has them, and what they said last."""
