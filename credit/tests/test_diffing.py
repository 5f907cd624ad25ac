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
from credit.tests.report_pairs import COLLECTION, EARLIER, LATER, change_types, diff_sections, summarize

# --- Whatever the reports -------------------------------------------------------------------------------------


def test_it_says_nothing_about_a_first_report():
    assert diff(None, parse_sample()) == ()


def test_it_finds_nothing_between_a_report_and_itself():
    full = parse_sample(publicRecord=[RECORD], tradeline=[card(), card(), loan(), COLLECTION])
    assert diff(full, full) == ()


def test_it_refuses_to_compare_bureaus_or_people():
    report = parse_sample()
    with pytest.raises(NotComparable):
        diff(replace(report, provider="other"), report)
    with pytest.raises(NotComparable):
        diff(replace(report, consumer_hash="other"), report)
    assert diff(replace(report, consumer_hash=""), report) == ()


def test_it_puts_reports_in_the_order_of_their_dates():
    old, new = (
        parse_sample(headerRecord=EARLIER),
        parse_sample(headerRecord=LATER, riskModel=[SCORE | {"score": "0700"}]),
    )
    assert diff(old, new) == diff(new, old)
    assert summarize(diff(new, old)) == [(ChangeType.SCORE_CHANGED, 782, 700, "band")]


def test_it_takes_nothing_for_gone_that_a_frozen_file_holds_back():
    notice = [{"type": "25", "statementText": "FILE FROZEN"}]
    frozen = parse_sample(headerRecord=EARLIER, statement=notice, tradeline=None, riskModel=None, inquiry=None)
    assert [(each.type, each.entity) for each in diff(parse_sample(headerRecord=header("09202026")), frozen)] == [
        (ChangeType.FLAG_ADDED, "flag:frozen")
    ]
    assert change_types(diff(frozen, parse_sample(headerRecord=LATER))) == [ChangeType.FLAG_CLEARED]


@pytest.mark.parametrize(("before", "after"), [(EARLIER, None), (None, LATER), (None, None)])
def test_it_takes_the_order_in_which_reports_come_where_one_of_them_is_not_dated(before, after):
    old, new = (
        parse_sample(headerRecord=before),
        parse_sample(headerRecord=after, tradeline=[card(), loan(), COLLECTION]),
    )
    assert [change.type for change in diff(old, new)] == [ChangeType.COLLECTION_ADDED]


def test_it_names_a_change_the_same_way_in_every_run_and_each_change_apart():
    before, after = {"tradeline": [card()]}, {"tradeline": [card(balanceAmount="00009500"), loan()]}
    once = [change.fingerprint("alice", "sha") for change in diff_sections(before, after)]
    again = [change.fingerprint("alice", "sha") for change in diff_sections(before, after)]
    assert once == again
    assert len(set(once)) == len(once) > 2
    assert once[0] != diff_sections(before, after)[0].fingerprint("mallory", "sha")
    assert once[0] != diff_sections(before, after)[0].fingerprint("alice", "other")


# --- Scores ---------------------------------------------------------------------------------------------------


def scores(before, after, **options):
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
def test_it_tells_a_score_that_moved_far_or_into_another_band(before, after, detail, severity):
    [change] = scores(before, after)
    assert summarize([change]) == [(ChangeType.SCORE_CHANGED, int(before), int(after), detail)]
    assert (change.severity, change.name) == (severity, "VantageScore 4.0")


def test_it_is_silent_about_a_score_that_hardly_moved():
    assert scores("0702", "0711") == ()
    assert scores("0702", "0711", thresholds=Thresholds(score=5)) != ()


def test_it_never_compares_two_models():
    assert (
        diff_sections({"riskModel": [SCORE]}, {"riskModel": [SCORE | {"modelIndicator": "F9", "score": "0500"}]}) == ()
    )


def test_it_tells_that_a_score_came_or_went():
    assert summarize(scores("9002", "0702")) == [(ChangeType.SCORE_APPEARED, "9002", 702, "")]
    assert summarize(scores("0702", "9002")) == [(ChangeType.SCORE_VANISHED, 702, "9002", "")]
    assert scores("9002", "9001") == ()


def test_it_knows_no_band_of_an_unknown_model():
    rc = SCORE | {"modelIndicator": "RC"}
    [change] = diff_sections({"riskModel": [rc | {"score": "0600"}]}, {"riskModel": [rc | {"score": "0610"}]})
    assert (change.name, change.detail) == ("Experian score, model RC", "")


# --- Anything at all ------------------------------------------------------------------------------------------

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
def test_it_never_finds_a_change_where_nothing_changed(report):
    assert diff(report, report) == ()


@given(REPORT, REPORT)
@settings(max_examples=120, deadline=None)
def test_it_always_finds_the_same_changes_each_under_a_name_of_its_own(one, other):
    found = diff(one, other)
    assert found == diff(one, other)
    assert len({change.fingerprint("alice", "sha") for change in found}) == len(found)
