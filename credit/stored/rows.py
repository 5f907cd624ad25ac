"""The rows of ``credit.report`` as rows of tables, and back. What is stored and read again is equal to what it was."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from msgspec.structs import asdict, astuple

from credit import models
from credit.fields import day_of, text_of
from credit.payment_history import Bucket, DatedBy, PaymentHistory
from credit.report import (
    UNREADABLE,
    Counters,
    Detail,
    Factor,
    Flags,
    Inquiry,
    Kind,
    Notice,
    PersonalDetail,
    PublicRecord,
    Role,
    Score,
    Statement,
    Tradeline,
    Trend,
)

Columns = dict[str, Any]

COUNTERS = ("days_30", "days_60", "days_90", "times_derogatory", "months_counted")
HISTORY = ("history_latest", "history_codes", "history_buckets", "history_dated_by")
FLAGS = Flags.__struct_fields__


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of row: its table, its columns there, and the way in and out."""

    name: str
    model: type[models.Row]
    columns: tuple[str, ...]
    to_columns: Callable[[Any], Columns]
    to_row: Callable[[Columns], Any]

    def stored(self, report: models.Report, found: Sequence[Any]) -> list[models.Row]:
        """Make unsaved table rows of a report's rows of this kind."""
        return [
            self.model(owner_id=report.owner_id, report=report, position=position, **self.to_columns(row))
            for position, row in enumerate(found)
        ]

    def read(self, stored: Iterable[models.Row]) -> tuple[Any, ...]:
        """Make the report's rows of the table's, which have to be in their places."""
        return tuple(self.to_row({name: getattr(row, name) for name in self.columns}) for row in stored)


def _plain(row: Any) -> Columns:
    return asdict(row)


def _score_columns(score: Score) -> Columns:
    return _plain(score) | {"factors": [astuple(factor) for factor in score.factors]}


def _score(columns: Columns) -> Score:
    return Score(**columns | {"factors": tuple(Factor(rank, code) for rank, code in columns["factors"])})


def _tradeline_columns(line: Tradeline) -> Columns:
    columns = _plain(line)
    counters, history, trend = (columns.pop(name) for name in ("counters", "history", "trend"))
    columns.update(zip(COUNTERS, astuple(counters), strict=True))
    if history:
        told = (history.latest, history.codes, " ".join(history.buckets), history.dated_by)
        columns.update(zip(HISTORY, told, strict=True))
    return columns | {
        "trend": [[*astuple(month)[:-1], month.last_payment and text_of(month.last_payment)] for month in trend]
    }


def _tradeline(columns: Columns) -> Tradeline:
    counters = Counters(*(columns.pop(name) for name in COUNTERS))
    latest, codes, buckets, dated_by = (columns.pop(name) for name in HISTORY)
    history = PaymentHistory(latest, codes, _buckets(buckets), DatedBy(dated_by)) if codes else None
    trend = tuple(Trend(*figures, day and day_of(day)) for *figures, day in columns.pop("trend"))
    kind, role = Kind(columns.pop("kind")), Role(columns.pop("role"))
    return Tradeline(kind=kind, role=role, counters=counters, history=history, trend=trend, **columns)


@lru_cache(maxsize=1024)
def _buckets(words: str) -> tuple[Bucket, ...]:
    return tuple(map(Bucket, words.split()))


def _public_record(columns: Columns) -> PublicRecord:
    return PublicRecord(**columns | {"role": Role(columns["role"])})


def _personal(columns: Columns) -> PersonalDetail:
    return PersonalDetail(**columns | {"kind": Detail(columns["kind"]), "text": columns["text"].reveal_or(UNREADABLE)})


def _statement(columns: Columns) -> Statement:
    return Statement(**columns | {"notice": Notice(columns["notice"]), "text": columns["text"].reveal_or(UNREADABLE)})


def _names(kind: type[Any], *, without: Iterable[str] = (), plus: Iterable[str] = ()) -> tuple[str, ...]:
    return (*(name for name in kind.__struct_fields__ if name not in set(without)), *plus)


SECTIONS = (
    Section("scores", models.Score, _names(Score), _score_columns, _score),
    Section(
        "tradelines",
        models.Tradeline,
        _names(Tradeline, without=("counters", "history"), plus=(*COUNTERS, *HISTORY)),
        _tradeline_columns,
        _tradeline,
    ),
    Section("inquiries", models.Inquiry, _names(Inquiry), _plain, lambda columns: Inquiry(**columns)),
    Section("public_records", models.PublicRecord, _names(PublicRecord), _plain, _public_record),
    Section("personal", models.PersonalDetail, _names(PersonalDetail), _plain, _personal),
    Section("statements", models.Statement, _names(Statement), _plain, _statement),
)


def flags_of(report: models.Report) -> Flags:
    """What holds for the file as a whole."""
    return Flags(**{name: getattr(report, name) for name in FLAGS})


def flag_columns(flags: Flags) -> Mapping[str, bool]:
    """The flags by the names of their columns."""
    return asdict(flags)
