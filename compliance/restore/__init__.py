"""Restore: an export becomes an account of this site again, as equal as the manifest can tell.

The export is verified first, then its restorable files are stored in one transaction, sealed under a new data key. The
account is exported once more in the same transaction, and every restorable file has to have the same rows and the same
SHA-256, or nothing is stored.
"""
