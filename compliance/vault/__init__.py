"""The vault: values sealed with AES-256-GCM under one data key per user.

``SealedTextField`` (in ``fields``) seals a model's column; ``seal`` and ``unseal`` are for values elsewhere. There is
no plaintext mode: without usable keys in ``FIELD_KEYS`` the program does not start.
"""

from compliance.vault.aad import build_aad
from compliance.vault.alerts import UNREADABLE, report_unreadable
from compliance.vault.envelope_encryption import seal, unseal
from compliance.vault.errors import SealError

__all__ = ["UNREADABLE", "SealError", "build_aad", "report_unreadable", "seal", "unseal"]
