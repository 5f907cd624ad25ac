"""Hypothesis strategies for reports with any values that the structs of ``credit.report`` allow."""

from datetime import date

from hypothesis import strategies as st

from credit import payment_history
from credit import report as rows

TEXTS = st.text(st.characters(exclude_categories=("C", "Z")), max_size=12)
WORDS = st.text(st.sampled_from("abcdefghij_0123456789"), max_size=8)
DOLLARS = st.none() | st.integers(-(10**12), 10**12)
COUNTS = st.integers(0, 10**9 - 1)
DATES = st.dates(date(1900, 1, 1), date(9999, 12, 31))


@st.composite
def partial_dates(draw):
    """Draw a partial date, whose day is the first of its month or year if only that is known."""
    day, precision = draw(DATES), draw(st.sampled_from(rows.Precision))
    if precision is rows.Precision.YEAR:
        day = day.replace(month=1)
    return rows.PartialDate(day if precision is rows.Precision.DAY else day.replace(day=1), precision)


@st.composite
def histories(draw):
    marks = draw(
        st.lists(st.tuples(st.sampled_from("C01234B-?9 "), st.sampled_from(payment_history.Bucket)), min_size=1)
    )
    codes, buckets = zip(*marks, strict=True)
    latest = draw(st.none() | DATES)
    return payment_history.PaymentHistory(
        latest and latest.replace(day=1), "".join(codes), buckets, draw(st.sampled_from(payment_history.DatedBy))
    )


DAYS = st.none() | partial_dates()
MAYBE = st.none() | st.booleans()
NUMBERS = st.none() | COUNTS
BY_TYPE = {
    str: TEXTS,
    bool: st.booleans(),
    int: COUNTS,
    int | None: DOLLARS,
    bool | None: MAYBE,
    date | None: st.none() | DATES,
    rows.PartialDate | None: DAYS,
    payment_history.PaymentHistory | None: st.none() | histories(),
}


def build(struct, /, **strategies):
    """Return a strategy for one of the structs, by the types of its fields."""
    fields = {name: BY_TYPE[type_] for name, type_ in struct.__annotations__.items() if type_ in BY_TYPE}
    return st.builds(struct, **fields | strategies)


def tuples_of(strategy, most=3):
    return st.lists(strategy, max_size=most).map(tuple)


SCORES = build(
    rows.Score,
    value=st.none() | st.integers(300, 850),
    percentile=NUMBERS,
    factors=tuples_of(st.builds(rows.Factor, COUNTS, TEXTS)),
)
TRENDS = st.builds(rows.Trend, st.none() | COUNTS, DOLLARS, DOLLARS, DOLLARS, DOLLARS, DAYS)
TRADELINES = build(
    rows.Tradeline,
    key=WORDS,
    kind=st.sampled_from(rows.AccountKind),
    role=st.sampled_from(rows.Role),
    last_four=st.from_regex("[0-9]{4}|", fullmatch=True),
    counters=st.builds(rows.Counters, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS),
    trend=tuples_of(TRENDS),
)
PUBLIC_RECORDS = build(
    rows.PublicRecord,
    key=WORDS,
    percent=NUMBERS,
    adjustment_percent=NUMBERS,
    role=st.sampled_from(rows.Role),
)
REPORTS = st.builds(
    rows.CreditReport,
    provider=st.just("experian"),
    parser_version=st.integers(1, 1000),
    sha256=st.from_regex("[0-9a-f]{64}", fullmatch=True),
    reported_on=st.none() | DATES,
    consumer_hash=st.from_regex("[0-9a-f]{64}|", fullmatch=True),
    consumer_identifier=TEXTS,
    flags=build(rows.Flags),
    scores=tuples_of(SCORES),
    tradelines=tuples_of(TRADELINES),
    inquiries=tuples_of(build(rows.Inquiry)),
    public_records=tuples_of(PUBLIC_RECORDS),
    personal=tuples_of(build(rows.PersonalDetail, kind=st.sampled_from(rows.Detail))),
    statements=tuples_of(build(rows.Statement, notice=st.sampled_from(rows.Notice))),
    messages=tuples_of(st.builds(rows.BureauMessage, TEXTS, TEXTS, TEXTS)),
    totals=tuples_of(st.tuples(TEXTS, st.integers(-(10**15), 10**15))),
    warnings=tuples_of(st.builds(rows.ParseWarning, TEXTS, TEXTS, TEXTS)),
)
