"""A year of reports about one person, over HTTP, with every change that the bureau's story tells."""

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
NAMED = ("inquiry_added", "account_opened", "account_closed", "personal_added", "flag_added")


def in_short(change):
    """A change in a few words: its figures, and its name where that says what happened."""
    figures = [change.before, change.after] if change.type != "late_payment" else [change.after]
    if change.type in ("inquiry_added", "account_closed"):
        figures = []
    told = [change.type, *([change.name] if change.type in NAMED else []), *figures]
    detail = change.detail if change.type.startswith(("score", "utilization")) else ""
    return " ".join(str(word) for word in (*told, detail) if word not in (None, ""))


def test_it_tells_a_year_of_changes_and_each_of_them_once(local_bureau):
    previous = local_bureau.pull_report("P11")
    seen = set()
    for month, expected in YEAR.items():
        local_bureau.control("clock", {"advance_days": 30})
        current = local_bureau.pull_report("P11")
        found = diff(previous, current)
        assert {in_short(change) for change in found} == expected, month
        assert diff(previous, current) == found
        assert diff(current, current) == ()
        names = {change.fingerprint("alice", current.sha256) for change in found}
        assert len(names) == len(found)
        assert not names & seen
        seen |= names
        previous = current
    assert diff(previous, previous) == ()
    assert [change.severity for change in found if change.type == "collection_added"] == [Severity.HIGH]
