"""The purposes of consents, and the text that a user agrees to."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256


class Purpose(StrEnum):
    """What a consent is about. The values are stored; never change or reuse one.

    ``DO_NOT_SELL`` is a user's request instead of their permission: granted, it is in force, and withdrawn, it is not.
    """

    TERMS = "terms"
    PRIVACY_NOTICE = "privacy_notice"
    BANK_DATA = "bank_data"
    CREDIT_REPORT = "credit_report"
    ANALYTICS = "analytics"
    MARKETING = "marketing"
    DO_NOT_SELL = "do_not_sell"


@dataclass(frozen=True)
class ConsentText:
    """The exact text that a user agrees to, with their own data filled in, and the version of its template."""

    purpose: Purpose
    version: str
    text: str

    @property
    def sha256(self) -> str:
        """Return the text's fingerprint, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()
