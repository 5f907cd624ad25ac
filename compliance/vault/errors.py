"""The errors of sealed values. No message contains a value, a key or a ciphertext."""


class SealError(Exception):
    """A value cannot be sealed or opened."""


class KeyDestroyed(SealError):
    """The data key of a sealed value does not exist: its owner was erased, or it never existed."""


class KeyStillUnreadable(SealError):
    """A data key failed to unwrap less than a minute ago. That was reported, and it was not tried again."""


class KeyMissing(SealError):
    """A data key is wrapped under a key that FIELD_KEYS lacks; the message names that key."""
