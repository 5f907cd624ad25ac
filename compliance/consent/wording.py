"""What people are asked for, and the words in which they are asked."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256


class Purpose(StrEnum):
    """What a consent allows. The values are stored; never change or reuse one."""

    TERMS = "terms"
    BANK_DATA = "bank_data"
    CREDIT_REPORT = "credit_report"
    ANALYTICS = "analytics"
    MARKETING = "marketing"


@dataclass(frozen=True)
class Wording:
    """The exact text that a person agrees to, with their own words filled in, and the version of its template."""

    purpose: Purpose
    version: str
    text: str

    @property
    def sha256(self) -> str:
        """The text's fingerprint, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()
