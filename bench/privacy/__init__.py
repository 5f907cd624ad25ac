"""Benches of the audit trail, exports and retention."""
