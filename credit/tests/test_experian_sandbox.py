"""The client against the sandbox program's bureau, over HTTP. The sandbox shares no code with the client."""

from dataclasses import replace

import pytest

from credit.experian.bureau import ExperianBureau
from credit.provider import (
    BureauAuthError,
    BureauConfigError,
    BureauInputError,
    BureauRateLimited,
    BureauTimeout,
    BureauUnavailable,
    FileFrozen,
    FileRestricted,
    MalformedReport,
    NoHit,
    Outcome,
)
from credit.report import ReportStatus
from credit.tests.sandbox_bureau import make_applicant


@pytest.mark.parametrize("style", ["headers", "body", "form"])
def test_it_requests_a_token_in_every_style(local_bureau, style):
    local_bureau.pull("P01", token_style=style)
    assert [call["style"] for call in local_bureau.calls() if call["endpoint"] == "token"] == [style]


def test_it_pulls_one_report_and_leaks_nothing(local_bureau):
    local_bureau.pull("P01")
    [call] = [call for call in local_bureau.calls() if call["endpoint"] == "report"]
    assert (call["purpose"], call["subscriber"], call["models"]) == ("3F", "2222222", ["V4"])
    assert (call["produced"], call["leaked"], call["reference"]) == (True, False, f"attempt{local_bureau.pulls}")
    assert (call["ssn"], call["dob"]) == ("full", "year")


def test_it_pulls_with_the_last_four_digits(local_bureau):
    assert (
        local_bureau.pull_report("P01", applicant=replace(make_applicant("P01"), ssn="1001")).state
        is ReportStatus.READY
    )


@pytest.mark.parametrize(
    "path",
    [
        "/consumerservices/prequal/v1/credit-report",
        "/eits/gdp/v1/request?targeturl=https%3A%2F%2Fus-api.experian.com%2Fconsumerservices%2Fprequal%2Fv1%2Fcredit-report",
    ],
)
def test_it_pulls_from_other_paths(local_bureau, path):
    assert local_bureau.pull_report("P01", report_path=path).scores[0].value == 782


def test_it_renews_a_token_that_expired_early(local_bureau):
    local_bureau.pull("P01")
    local_bureau.control("bureau/tokens/expire")
    assert local_bureau.pull_report("P01").state is ReportStatus.READY
    assert local_bureau.count_reports_made() == 2


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"password": "wrong"}, BureauAuthError),
        ({"client_secret": "wrong"}, BureauAuthError),
        ({"subscriber_code": "7654321"}, BureauConfigError),
        ({"permissible_purpose": "99"}, BureauConfigError),
        ({"report_path": "/consumerservices/none"}, BureauConfigError),
        ({"applicant": replace(make_applicant("P01"), ssn="123456789")}, BureauInputError),
    ],
)
def test_it_raises_for_wrong_settings_and_details(local_bureau, changes, kind):
    with pytest.raises(kind):
        local_bureau.pull("P01", **changes)
    assert not any(call["produced"] for call in local_bureau.calls())


def test_it_raises_or_has_state_no_hit_without_a_file(local_bureau):
    with pytest.raises(NoHit):
        local_bureau.pull("P04")
    local_bureau.control("bureau/personas/P01", {"mode": "empty"})
    assert local_bureau.pull_report("P01").state is ReportStatus.NO_HIT


@pytest.mark.parametrize(("mode", "kind"), [("frozen_422", FileFrozen), ("alert_list", FileRestricted)])
def test_it_raises_for_a_frozen_or_restricted_file(local_bureau, mode, kind):
    local_bureau.control("bureau/personas/P05", {"mode": mode})
    with pytest.raises(kind):
        local_bureau.pull("P05")


FAULTS = {
    "a report that was made and lost": (("hang_after", {"seconds": 2}), BureauTimeout, Outcome.UNKNOWN, 1),
    "a dropped connection": (("drop", {}), BureauTimeout, Outcome.UNKNOWN, 0),
    "a truncated response": (("truncate", {}), BureauTimeout, Outcome.UNKNOWN, 1),
    "a passing trouble": (("error", {"name": "system"}), BureauUnavailable, Outcome.NOT_MADE, 0),
    "no service": (("error", {"name": "unavailable"}), BureauUnavailable, Outcome.NOT_MADE, 0),
    "a gateway that waited in vain": (("error", {"name": "timeout"}), BureauUnavailable, Outcome.UNKNOWN, 0),
    "no entitlement": (("error", {"name": "forbidden"}), BureauConfigError, Outcome.NOT_MADE, 0),
    "no inquiry allowed": (("error", {"name": "not_allowed"}), BureauConfigError, Outcome.NOT_MADE, 0),
    "too many calls": (("error", {"name": "rate_limit"}), BureauRateLimited, Outcome.NOT_MADE, 0),
    "ten megabytes": (("big", {"megabytes": 10}), MalformedReport, Outcome.UNKNOWN, 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_does_not_pull_again_after_a_fault(local_bureau, fault):
    (kind, action), error, outcome, produced = FAULTS[fault]
    local_bureau.fault(kind, **action)
    with pytest.raises(error) as error_info:
        local_bureau.pull("P01", seconds=1.0)
    assert error_info.value.outcome is outcome
    assert local_bureau.count_reports_made() == produced


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("encoding", {"how": "bom"}),
        ("encoding", {"how": "gzip"}),
        ("encoding", {"how": "latin-1"}),
        ("encoding", {"how": "utf-16"}),
        ("type", {"value": "text/plain"}),
        ("profiles", {"how": "twice"}),
        ("latency", {"ms": 100}),
    ],
)
def test_it_parses_unusual_encodings(local_bureau, kind, action):
    local_bureau.fault(kind, **action)
    report = local_bureau.pull_report("P12")
    assert report.tradelines[2].creditor == "CAFÉ NOIR CREDIT"


@pytest.mark.parametrize(
    ("kind", "action"),
    [("half_json", {}), ("profiles", {"how": "none"}), ("encoding", {"how": "gzip_unsaid"})],
)
def test_it_returns_a_response_that_cannot_be_parsed(local_bureau, kind, action):
    local_bureau.fault(kind, **action)
    raw = local_bureau.pull("P01")
    assert raw.body
    with pytest.raises(MalformedReport):
        ExperianBureau().normalize(raw.body, asof=raw.fetched_at.date())


def test_it_accepts_a_lifetime_as_text(local_bureau):
    local_bureau.fault("merge", endpoint="token", fields={"expires_in": "1800"})
    local_bureau.pull("P01")
    local_bureau.pull("P01")
    assert len([call for call in local_bureau.calls() if call["endpoint"] == "token"]) == 1
