"""Descriptions of changes: every type has one, with its figures, and none of them promises or blames."""

import re

import pytest

from credit.changes.descriptions import describe_change
from credit.diffing import Change, ChangeType, Severity

FORBIDDEN_WORDS = re.compile(
    r"\b(improve|boost|repair|fix|raise|increase|should|must|bad|unfortunately|sorry|great)\w*\b", re.I
)
# These always have a value before and after.
WITH_VALUES = {change_type for change_type in ChangeType if change_type.startswith(("score", "utilization"))}


def make_change(change_type, *, name="BEACON CARD", before=None, after=None, detail="", key="k1"):
    return Change(change_type, "entity", Severity.NOTICE, name, before, after, detail, key)


@pytest.mark.parametrize("change_type", ChangeType)
@pytest.mark.parametrize("figures", [(None, None), (1, 2), ("words", ""), ("late30", "junk"), (0, 0)])
def test_it_describes_every_type_with_any_values_neutrally(change_type, figures):
    before, after = figures
    if change_type in WITH_VALUES:
        before, after = 700, 701
    for name in ("BEACON CARD", ""):
        description = describe_change(make_change(change_type, name=name, before=before, after=after, detail="2027-04"))
        assert not FORBIDDEN_WORDS.search(f"{description.title} {description.text}")
        assert "None" not in f"{description.title} {description.text}"


@pytest.mark.parametrize(
    ("change_", "title", "text"),
    [
        (
            make_change(ChangeType.SCORE_CHANGED, name="VantageScore 4.0", before=702, after=688, key=""),
            "VantageScore 4.0 fell 14 points",
            "From 702 to 688.",
        ),
        (
            make_change(
                ChangeType.SCORE_CHANGED, name="VantageScore 4.0", before=660, after=661, detail="band", key=""
            ),
            "VantageScore 4.0 rose 1 point",
            "From 660 to 661. It is in another score band.",
        ),
        (
            make_change(ChangeType.SCORE_VANISHED, name="VantageScore 4.0", before=660, after="9002", key=""),
            "VantageScore 4.0 has no score",
            "It was 660. There is too little recent activity on the accounts to calculate a score.",
        ),
        (
            make_change(ChangeType.UTILIZATION_UP, before="30.7", after="51.0", detail="50"),
            "BEACON CARD: credit utilization above 50%",
            "From 30.7% to 51.0%.",
        ),
        (
            make_change(ChangeType.UTILIZATION_UP, before="98.0", after="101.5", detail="100 limit_fell"),
            "BEACON CARD: over the credit limit",
            "From 98.0% to 101.5%. The credit limit fell.",
        ),
        (
            make_change(ChangeType.UTILIZATION_DOWN, name="", before="50.3", after="28.0", detail="30", key=""),
            "All cards: credit utilization no longer above 30%",
            "From 50.3% to 28.0%.",
        ),
        (
            make_change(ChangeType.LATE_PAYMENT, before="no_data", after="late30", detail="2027-04"),
            "BEACON CARD: late payment in April 2027",
            "Before: Not reported. Now: 30 days late.",
        ),
        (
            make_change(ChangeType.LIMIT_CHANGED, before=6500, after=8000),
            "BEACON CARD: credit limit changed",
            "From $6,500 to $8,000.",
        ),
        (
            make_change(ChangeType.ACCOUNT_OPENED, name="MESA AUTO FINANCE", after=21500, detail="2027-02-09"),
            "MESA AUTO FINANCE: new account",
            "Balance: $21,500. Opened Feb 9, 2027.",
        ),
        (
            make_change(ChangeType.ACCOUNT_TRANSFERRED, before="NORTHFIELD EDUCATION", after="CEDAR LOAN SERVICING"),
            "NORTHFIELD EDUCATION transferred a loan to CEDAR LOAN SERVICING",
            "It is the same debt with another lender.",
        ),
        (
            make_change(ChangeType.ACCOUNT_VANISHED, before=140),
            "BEACON CARD: no longer on your credit report",
            "The bureau may have updated its records. Last balance: $140.",
        ),
        (
            make_change(ChangeType.DEROGATORY_ADDED, before="open", after="charge_off"),
            "BEACON CARD: derogatory mark added",
            "Before: Open. Now: Charged off.",
        ),
        (
            make_change(ChangeType.INQUIRY_ADDED, name="MESA AUTO FINANCE", after="2027-01-15", key=""),
            "New inquiry from MESA AUTO FINANCE",
            "Date: Jan 15, 2027.",
        ),
        (make_change(ChangeType.FLAG_CLEARED, name="frozen", key=""), "Your credit file is no longer frozen", ""),
        (
            make_change(ChangeType.PERSONAL_ADDED, name="address", key=""),
            "New address in your credit file",
            "See your details under Personal.",
        ),
    ],
    ids=lambda value: value.type if isinstance(value, Change) else "",
)
def test_it_describes_the_values_before_and_after(change_, title, text):
    assert describe_change(change_) == (title, text)


def test_it_shows_missing_values_as_not_reported():
    assert describe_change(make_change(ChangeType.COLLECTION_ADDED, after=None)).text == "Balance: Not reported."
    assert (
        describe_change(make_change(ChangeType.BALANCE_CHANGED, before=None, after=0)).text
        == "From Not reported to $0."
    )
