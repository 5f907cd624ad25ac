"""Keep it secret: values sealed with AES-256-GCM under one data key per person.

``SealedTextField`` (in ``fields``) seals a model's column; ``seal`` and ``unseal`` serve values that stand
elsewhere. There is no plaintext mode: without good keys in ``FIELD_KEYS`` the program does not start.
"""

from compliance.vault.alarms import UNREADABLE, tell_unreadable
from compliance.vault.envelope import seal, unseal
from compliance.vault.sealing import SealError, context

__all__ = ["UNREADABLE", "SealError", "context", "seal", "tell_unreadable", "unseal"]
