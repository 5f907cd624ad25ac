"""Payment histories by year and month, and accounts by kind."""

from datetime import date

from credit.payment_history import Bucket, DatedBy, PaymentHistory
from credit.presentation import payment_grid
from credit.report import AccountKind
from credit.tests.experian_samples import card, loan, parse_sample

OK, LATE, NONE = Bucket.OK, Bucket.LATE_30, Bucket.NO_DATA


def test_it_groups_months_by_year():
    history = PaymentHistory(date(2026, 2, 1), "C1-C", (OK, LATE, NONE, OK))
    rows = payment_grid.group_by_year(history)
    assert [row.year for row in rows] == [2026, 2025]
    assert rows[0].months == (LATE, OK, *[None] * 10)
    assert rows[1].months == (*[None] * 10, OK, NONE)


def test_it_keeps_all_of_84_months():
    rows = payment_grid.group_by_year(PaymentHistory(date(2026, 11, 1), "C" * 84, (OK,) * 84))
    assert [row.year for row in rows] == list(range(2026, 2018, -1))
    assert sum(bucket is OK for row in rows for bucket in row.months) == 84


def test_it_explains_only_the_marks_that_are_used():
    rows = payment_grid.group_by_year(PaymentHistory(date(2026, 2, 1), "C1", (OK, LATE)))
    assert payment_grid.used_buckets(rows) == [OK, LATE]
    assert payment_grid.used_buckets([]) == []


def test_it_groups_accounts_by_kind_with_open_ones_first():
    report = parse_sample(
        tradeline=[
            loan(),
            card(subscriberName="ZEBRA BANK", subscriberCode="1"),
            card(subscriberName="ALPHA BANK", subscriberCode="2", openOrClosed="C", balanceAmount=None),
        ]
    )
    groups = payment_grid.group_accounts(report.tradelines)
    assert [(group.kind, group.balance) for group in groups] == [(AccountKind.CARD, 1140), (AccountKind.STUDENT, 6100)]
    assert [account.creditor for account in groups[0].accounts] == ["ZEBRA BANK", "ALPHA BANK"]


def test_it_has_no_balance_for_a_group_without_reported_ones():
    (group,) = payment_grid.group_accounts(parse_sample(tradeline=[card(balanceAmount="UNKNOWN")]).tradelines)
    assert group.balance is None
    assert payment_grid.group_accounts([]) == []


def test_it_splits_an_undated_history_into_rows():
    history = PaymentHistory(None, "C1C" * 9, (OK, LATE, OK) * 9, DatedBy.NOTHING)
    assert payment_grid.group_by_year(history) == []
    rows = payment_grid.undated_rows(history)
    assert [row.first for row in rows] == [1, 13, 25]
    assert [len(row.months) for row in rows] == [12, 12, 12]
    assert rows[0].months[:3] == (OK, LATE, OK)
    assert rows[2].months == (OK, LATE, OK, *[None] * 9)
    assert payment_grid.undated_rows(PaymentHistory(date(2026, 2, 1), "C", (OK,))) == []
