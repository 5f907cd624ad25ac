import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit.experian.normalize import normalize
from credit.provider import MalformedReport
from credit.report import CreditReport
from credit.tests.experian_samples import (
    ADDRESS,
    CARD,
    IDENTITY,
    INQUIRY,
    LOAN,
    MODELS,
    PROFILE,
    RECORD,
    SCORE,
    TODAY,
    header,
    list_problems,
    parse_sample,
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["UNKNOWN", "00000000", "03002016", "9002", "0782", "-1", "R", "I", "C", "O", "18", "C1-B?"]),
)
NAMES = [*PROFILE, "summaries", "statement", "fraudShield", "publicRecord"]
FIELDS = sorted(
    {*CARD, *CARD["enhancedPaymentData"], *LOAN, *SCORE, *INQUIRY, *RECORD, *IDENTITY, *ADDRESS, "id", "value"}
)
KEYS = st.one_of(st.sampled_from(FIELDS), st.sampled_from([*NAMES, "attributes"]), st.text(max_size=5))
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=8)),
    max_leaves=40,
)
SECTIONS = st.dictionaries(st.sampled_from(NAMES), ANY_JSON, max_size=8)


@given(st.one_of(SECTIONS, ANY_JSON))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_parses_any_json_in_place_of_a_profile(profile):
    text = json.dumps({"creditProfile": [profile]}).encode()
    report = normalize(text, asof=TODAY, models=MODELS)
    assert len({line.key for line in report.tradelines}) == len(report.tradelines)
    assert all(score.value is None or 300 <= score.value <= 850 for score in report.scores)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys((*CARD, *CARD["enhancedPaymentData"]), SCALARS)), max_size=3))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_parses_rows_with_any_field_values(lines):
    sections = {"tradeline": lines, "riskModel": lines, "inquiry": lines, "publicRecord": lines}
    report = normalize(json.dumps({"creditProfile": [sections]}).encode(), asof=TODAY, models=MODELS)
    assert len(report.tradelines) == len(lines)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_it_rejects_random_bytes(body):
    with pytest.raises(MalformedReport):
        normalize(body, asof=TODAY, models=MODELS)


@given(header=st.text(max_size=10))
@settings(max_examples=50, deadline=None)
def test_it_parses_a_report_with_any_date(header):
    assert isinstance(parse_sample(headerRecord=[{"y2kReportedDate": header}]), CreditReport)


def test_it_has_no_date_if_the_bureau_gives_none():
    report = parse_sample(headerRecord=header("00000000"))
    assert report.reported_on is None
    assert list_problems(report) == [("y2kReportedDate", "no_report_date")]
