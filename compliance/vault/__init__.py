"""Keep it secret: values sealed with AES-256-GCM under one data key per person.

``SealedTextField`` (in ``fields``) seals a model's column; ``seal`` and ``unseal`` serve values that stand
elsewhere. There is no plaintext mode: without good keys in ``FIELD_KEYS`` the program does not start.
"""

from compliance.vault.envelope import seal, unseal
from compliance.vault.sealing import SealError, context

__all__ = ["SealError", "context", "seal", "unseal"]
