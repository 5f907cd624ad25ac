"""How an account was paid, month by month."""

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

import msgspec


class Bucket(StrEnum):
    """The payment status of a month."""

    OK = "ok"
    CURRENT_ZERO_BALANCE = "current_zero_balance"
    LATE_30 = "late30"
    LATE_60 = "late60"
    LATE_90 = "late90"
    LATE_120 = "late120"
    LATE_150 = "late150"
    LATE_180 = "late180"
    DEROGATORY = "derog"
    BANKRUPTCY = "bk"
    NO_DATA = "no_data"

    @property
    def is_known(self) -> bool:
        """Whether the bureau reports the month."""
        return self is not Bucket.NO_DATA

    @property
    def severity(self) -> int:
        """Zero for a good or unknown month, and higher for later payments."""
        return _SEVERITY[self]


_SEVERITY: Mapping[Bucket, int] = MappingProxyType(
    dict.fromkeys((Bucket.OK, Bucket.CURRENT_ZERO_BALANCE, Bucket.NO_DATA), 0)
    | {
        Bucket.LATE_30: 1,
        Bucket.LATE_60: 2,
        Bucket.LATE_90: 3,
        Bucket.LATE_120: 4,
        Bucket.LATE_150: 5,
        Bucket.LATE_180: 6,
        Bucket.DEROGATORY: 7,
        Bucket.BANKRUPTCY: 7,
    }
)


class PaymentMonth(NamedTuple):
    """One month of an account. ``month`` is its first day, ``code`` the bureau's own payment code."""

    month: date
    code: str
    bucket: Bucket


class DatedBy(StrEnum):
    """From which date the months of a payment history are counted."""

    BALANCE = "balance"
    PAYMENT_LEVEL = "payment_level"
    STATUS = "status"
    REPORT = "report"
    NOTHING = "nothing"


class PaymentHistory(msgspec.Struct, frozen=True):
    """The months of an account, newest first and without a gap. ``latest`` is the first day of the newest.

    Only the balance date is certain to be in the newest month. Without any date, ``latest`` is ``None``.
    """

    latest: date | None
    codes: str
    buckets: tuple[Bucket, ...]
    dated_by: DatedBy = DatedBy.BALANCE

    def months(self) -> Iterator[PaymentMonth]:
        """Yield every month, newest first; none if the months have no dates."""
        if self.latest is None:
            return
        year, month = self.latest.year, self.latest.month
        for code, bucket in zip(self.codes, self.buckets, strict=True):
            yield PaymentMonth(date(year, month, 1), code, bucket)
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
