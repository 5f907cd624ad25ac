"""A year of reports of one persona, over HTTP, with every scripted change."""

from credit.diffing import Severity, diff

YEAR = {
    1: {"score_changed 702 688", "balance_changed 1995 3315", "utilization_up 30.7 51.0 50"},
    2: {"inquiry_added MESA AUTO FINANCE"},
    3: {"account_opened MESA AUTO FINANCE 21500"},
    4: {
        "score_changed 676 690",
        "balance_changed 3270 1820",
        "utilization_down 50.3 28.0 30",
        "utilization_down 45.4 27.0 30",
    },
    5: {"score_changed 690 651 band", "late_payment late30", "past_due 25"},
    6: set(),
    7: {"score_changed 656 667 band", "balance_changed 290 0", "limit_changed 6500 8000"},
    8: {"account_closed HARBOR STORE CARD"},
    9: {"account_transferred NORTHFIELD EDUCATION CEDAR LOAN SERVICING"},
    10: {
        "account_closed PRAIRIE FINANCE",
        "account_paid_off 140 0",
        "dispute_changed disputed",
        "personal_added address",
    },
    11: {"score_changed 672 689", "late_removed late30 ok", "dispute_changed disputed"},
    12: {"score_changed 689 640 band", "collection_added 118", "flag_added fraud_alert"},
}
TYPES_WITH_NAME = ("inquiry_added", "account_opened", "account_closed", "personal_added", "flag_added")


def describe_briefly(change):
    """Describe a change briefly: its values, and its name for some types."""
    values = [change.before, change.after] if change.type != "late_payment" else [change.after]
    if change.type in ("inquiry_added", "account_closed"):
        values = []
    words = [change.type, *([change.name] if change.type in TYPES_WITH_NAME else []), *values]
    detail = change.detail if change.type.startswith(("score", "utilization")) else ""
    return " ".join(str(word) for word in (*words, detail) if word not in (None, ""))


def test_it_finds_each_change_of_a_year_once(local_bureau):
    previous = local_bureau.pull_report("P11")
    all_names = set()
    for month, expected in YEAR.items():
        local_bureau.control("clock", {"advance_days": 30})
        current = local_bureau.pull_report("P11")
        changes = diff(previous, current)
        assert {describe_briefly(change) for change in changes} == expected, month
        assert diff(previous, current) == changes
        assert diff(current, current) == ()
        names = {change.fingerprint("alice", current.sha256) for change in changes}
        assert len(names) == len(changes)
        assert not names & all_names
        all_names |= names
        previous = current
    assert diff(previous, previous) == ()
    assert [change.severity for change in changes if change.type == "collection_added"] == [Severity.HIGH]
