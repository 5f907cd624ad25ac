import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from credit.diffing import ChangeType, NotComparable, Severity, Thresholds, diff
from credit.tests.experian_samples import (
    INQUIRY,
    RECORD,
    SCORE,
    card,
    header,
    loan,
    parse_sample,
)
from credit.tests.report_pairs import COLLECTION, EARLIER, LATER, diff_sections, list_change_types, summarize

# --- All reports ----------------------------------------------------------------------------------------------


def test_it_finds_no_changes_in_a_first_report():
    assert diff(None, parse_sample()) == ()


def test_it_finds_no_changes_between_equal_reports():
    full = parse_sample(publicRecord=[RECORD], tradeline=[card(), card(), loan(), COLLECTION])
    assert diff(full, full) == ()


def test_it_raises_for_different_bureaus_or_people():
    report = parse_sample()
    with pytest.raises(NotComparable):
        diff(replace(report, provider="other"), report)
    with pytest.raises(NotComparable):
        diff(replace(report, consumer_hash="other"), report)
    assert diff(replace(report, consumer_hash=""), report) == ()


def test_it_orders_reports_by_their_dates():
    older, newer = (
        parse_sample(headerRecord=EARLIER),
        parse_sample(headerRecord=LATER, riskModel=[SCORE | {"score": "0700"}]),
    )
    assert diff(older, newer) == diff(newer, older)
    assert summarize(diff(newer, older)) == [(ChangeType.SCORE_CHANGED, 782, 700, "band")]


def test_it_does_not_report_rows_as_gone_that_a_freeze_hides():
    notice = [{"type": "25", "statementText": "FILE FROZEN"}]
    frozen = parse_sample(headerRecord=EARLIER, statement=notice, tradeline=None, riskModel=None, inquiry=None)
    assert [(change.type, change.entity) for change in diff(parse_sample(headerRecord=header("09202026")), frozen)] == [
        (ChangeType.FLAG_ADDED, "flag:frozen")
    ]
    assert list_change_types(diff(frozen, parse_sample(headerRecord=LATER))) == [ChangeType.FLAG_CLEARED]


@pytest.mark.parametrize(("before", "after"), [(EARLIER, None), (None, LATER), (None, None)])
def test_it_keeps_the_given_order_if_a_report_has_no_date(before, after):
    older, newer = (
        parse_sample(headerRecord=before),
        parse_sample(headerRecord=after, tradeline=[card(), loan(), COLLECTION]),
    )
    assert [change.type for change in diff(older, newer)] == [ChangeType.COLLECTION_ADDED]


def test_it_has_stable_and_unique_fingerprints():
    before, after = {"tradeline": [card()]}, {"tradeline": [card(balanceAmount="00009500"), loan()]}
    first_run = [change.fingerprint("alice", "sha") for change in diff_sections(before, after)]
    second_run = [change.fingerprint("alice", "sha") for change in diff_sections(before, after)]
    assert first_run == second_run
    assert len(set(first_run)) == len(first_run) > 2
    assert first_run[0] != diff_sections(before, after)[0].fingerprint("mallory", "sha")
    assert first_run[0] != diff_sections(before, after)[0].fingerprint("alice", "other")


# --- Scores ---------------------------------------------------------------------------------------------------


def diff_scores(before, after, **options):
    def section(score):
        return {"riskModel": [SCORE | {"score": score}]}

    return diff_sections(section(before), section(after), **options)


@pytest.mark.parametrize(
    ("before", "after", "detail", "severity"),
    [
        ("0702", "0712", "", Severity.INFO),
        ("0702", "0692", "", Severity.INFO),
        ("0702", "0722", "", Severity.NOTICE),
        ("0702", "0721", "", Severity.INFO),
        ("0780", "0781", "band", Severity.NOTICE),
        ("0661", "0660", "band", Severity.NOTICE),
    ],
)
def test_it_finds_a_score_that_changed_by_enough_or_into_another_band(before, after, detail, severity):
    [change] = diff_scores(before, after)
    assert summarize([change]) == [(ChangeType.SCORE_CHANGED, int(before), int(after), detail)]
    assert (change.severity, change.name) == (severity, "VantageScore 4.0")


def test_it_ignores_small_changes_of_a_score():
    assert diff_scores("0702", "0711") == ()
    assert diff_scores("0702", "0711", thresholds=Thresholds(score=5)) != ()


def test_it_does_not_compare_different_models():
    assert (
        diff_sections({"riskModel": [SCORE]}, {"riskModel": [SCORE | {"modelIndicator": "F9", "score": "0500"}]}) == ()
    )


def test_it_finds_a_score_that_appeared_or_vanished():
    assert summarize(diff_scores("9002", "0702")) == [(ChangeType.SCORE_APPEARED, "9002", 702, "")]
    assert summarize(diff_scores("0702", "9002")) == [(ChangeType.SCORE_VANISHED, 702, "9002", "")]
    assert diff_scores("9002", "9001") == ()


def test_it_has_no_band_for_an_unknown_model():
    rc = SCORE | {"modelIndicator": "RC"}
    [change] = diff_sections({"riskModel": [rc | {"score": "0600"}]}, {"riskModel": [rc | {"score": "0610"}]})
    assert (change.name, change.detail) == ("Experian score, model RC", "")


# --- Random reports -------------------------------------------------------------------------------------------

AMOUNT = st.sampled_from(["00000000", "00000100", "00000500", "00012000", "UNKNOWN", ""])
LINE = st.builds(
    card,
    subscriberCode=st.sampled_from(["1", "2", "3"]),
    accountType=st.sampled_from(["18", "48", "00", "12"]),
    revolvingOrInstallment=st.sampled_from("RI"),
    openOrClosed=st.sampled_from("OC"),
    openDate=st.sampled_from(["03152016", "11012026", "00000000"]),
    balanceAmount=AMOUNT,
    amount1=AMOUNT,
    amount1Qualifier=st.sampled_from("LOH"),
    amountPastDue=AMOUNT,
    balanceDate=st.sampled_from(["10092026", "11092026", ""]),
    paymentHistory=st.text("C01269L-B", max_size=6),
    enhanced=st.fixed_dictionaries({"enhancedAccountCondition": st.sampled_from(["A1", "05", "97", "21"])}),
)
REPORT = st.builds(
    parse_sample,
    headerRecord=st.sampled_from([EARLIER, LATER, header("")]),
    tradeline=st.lists(LINE, max_size=5),
    riskModel=st.lists(st.sampled_from([SCORE, SCORE | {"score": "9002"}, SCORE | {"score": "0600"}]), max_size=2),
    inquiry=st.lists(st.sampled_from([INQUIRY, INQUIRY | {"date": "11012026"}]), max_size=3),
    publicRecord=st.lists(st.sampled_from([RECORD, RECORD | {"status": "17"}]), max_size=2),
)


@given(REPORT)
@settings(max_examples=60, deadline=None)
def test_it_never_finds_a_change_between_equal_reports(report):
    assert diff(report, report) == ()


@given(REPORT, REPORT)
@settings(max_examples=120, deadline=None)
def test_it_always_finds_the_same_changes_with_unique_fingerprints(one, other):
    changes = diff(one, other)
    assert changes == diff(one, other)
    assert len({change.fingerprint("alice", "sha") for change in changes}) == len(changes)
