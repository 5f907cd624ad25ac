"""Encryption, isolation, audit trail and consent. The lowest layer: it imports no other app."""
