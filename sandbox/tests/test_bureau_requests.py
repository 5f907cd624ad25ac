"""Which requests the bureau accepts and refuses."""

import copy
import json
from typing import Any

import pytest

from sandbox.tests.bureau_client import PREQUAL, REPORT, BureauClient, Json, request_body

GATEWAY = "/eits/gdp/v1/request?targeturl="
APPLICANT = ("consumerPii", "primaryApplicant")
ABSENT = object()


def build_request(*path: str, to: Any) -> Json:
    """Build a valid request with one value replaced, or without it for ``ABSENT``."""
    sent = copy.deepcopy(request_body("P01"))
    holder: Any = sent
    for part in path[:-1]:
        holder = holder.setdefault(part, {})
    if to is ABSENT:
        del holder[path[-1]]
    else:
        holder[path[-1]] = to
    return sent


@pytest.mark.parametrize(
    "path",
    [REPORT, PREQUAL, GATEWAY + "https%3A%2F%2Fexample.com" + REPORT.replace("/", "%2F"), GATEWAY + PREQUAL],
)
def test_it_responds_on_every_path_of_a_report(bureau: BureauClient, path: str) -> None:
    response = bureau.request_report(request_body("P01"), path=path)
    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(response.data)["creditProfile"][0]["consumerIdentity"][0]["name"][0]["surname"] == "MERCER"


@pytest.mark.parametrize(
    "path",
    [REPORT + "/", REPORT.upper(), "/consumerservices/credit-profile/v1/credit-report", GATEWAY + "%2Fitem%2Fget"],
)
def test_it_refuses_other_paths(bureau: BureauClient, path: str) -> None:
    assert bureau.request_report(request_body("P01"), path=path).status == 404


def test_it_accepts_report_requests_by_post_only(bureau: BureauClient) -> None:
    response = bureau.driver.http.request("GET", bureau.url + REPORT)
    assert (response.status, json.loads(response.data)["errors"][0]["errorType"]) == (405, "Method Not Allowed")


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ((*APPLICANT, "name", "lastName"), "mercer"),
        ((*APPLICANT, "ssn", "ssn"), "666-01-1001"),
        ((*APPLICANT, "ssn", "ssn"), "1001"),
        ((*APPLICANT, "dob", "dob"), "1971"),
        ((*APPLICANT, "dob"), ABSENT),
        ((*APPLICANT, "currentAddress", "zipCode"), "463600101"),
        ((*APPLICANT, "name", "middleName"), "Jo-Ann"),
        ((*APPLICANT, "name", "middleName"), "O'Brien-D'Arcy"),
        (("addOns",), ABSENT),
        (("permissiblePurpose",), {"type": "08", "terms": "...", "abbreviatedAmount": "..."}),
        (("resellerInfo",), {"endUserName": "PLUMBLINE"}),
        (("vendorData",), {"vendorNumber": "A01", "vendorVersion": "1.0"}),
    ],
)
def test_it_accepts_what_the_format_allows(bureau: BureauClient, where: tuple[str, ...], value: Any) -> None:
    assert bureau.request_report(build_request(*where, to=value)).status == 200


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ((*APPLICANT, "name", "firstName"), ABSENT),
        ((*APPLICANT, "name", "lastName"), ABSENT),
        ((*APPLICANT, "name", "firstName"), "A D A"),
        ((*APPLICANT, "name", "surname"), "MERCER"),
        ((*APPLICANT, "currentAddress", "line1"), ""),
        ((*APPLICANT, "currentAddress", "zipCode"), "46360-0101"),
        ((*APPLICANT, "currentAddress", "zipCode"), 46360),
        ((*APPLICANT, "currentAddress", "state"), "Indiana"),
        ((*APPLICANT, "dob", "dob"), "1971-01-15"),
        ((*APPLICANT, "dob", "dob"), "13151971"),
        ((*APPLICANT, "dob"), "01151971"),
        ((*APPLICANT, "ssn", "ssn"), "66601100"),
        ((*APPLICANT, "ssn", "ssn"), "666 01 1001"),
        ((*APPLICANT, "ssn"), None),
        (("consumerPii",), ABSENT),
        (("consumerPii", "secondaryApplicant"), {}),
        (("requestor",), ABSENT),
        (("requestor", "subscriberCode"), "222"),
        (("permissiblePurpose",), ABSENT),
        (("permissiblePurpose", "terms"), "12"),
        (("addOns", "riskModels", "modelIndicator"), "V4"),
        (("addOns", "mla"), "Y"),
        (("addOns", "fraudShield"), True),
        (("addOns", "summaries"), {"summaryType": ["Other"]}),
        (("resellerInfo",), {"endUserName": "X" * 31}),
        (("client_id",), "test-client-id"),
        (("extra",), 1),
    ],
)
def test_it_refuses_what_the_format_does_not_allow(bureau: BureauClient, where: tuple[str, ...], value: Any) -> None:
    response = bureau.request_report(build_request(*where, to=value))
    read = json.loads(response.data)
    assert response.status == 400
    assert read.keys() == {"headerRecordError", "errors", "endTotalsError"}
    assert read["errors"][0]["errorType"] == "API validation"


@pytest.mark.parametrize("surname", ["ME RCER", "M'ERCER", "MERCER3", "MERCER.", "-MERCER", "D''ARC"])
def test_it_refuses_a_surname_that_the_format_does_not_allow(bureau: BureauClient, surname: str) -> None:
    assert bureau.expect_error(build_request(*APPLICANT, "name", "lastName", to=surname)) == (400, "11")


@pytest.mark.parametrize("ssn", ["123456789", "123-45-6789", "066011001", "900660101"])
def test_it_refuses_a_social_security_number_that_could_be_real(bureau: BureauClient, ssn: str) -> None:
    response = bureau.request_report(build_request(*APPLICANT, "ssn", "ssn", to=ssn))
    assert (response.status, json.loads(response.data)["errors"][0]["errorCode"]) == (400, "53")
    assert ssn.encode() not in response.data


def test_it_refuses_an_unknown_purpose_and_subscriber(bureau: BureauClient) -> None:
    assert bureau.expect_error(build_request("permissiblePurpose", "type", to="ZZ")) == (400, "14")
    assert bureau.expect_error(build_request("requestor", "subscriberCode", to="9999999")) == (400, "76")


@pytest.mark.parametrize(
    "headers",
    [
        {"clientReferenceId": ""},
        {"clientReferenceId": "has-a-dash"},
        {"clientReferenceId": "X" * 33},
        {"Content_Type": "text/plain"},
        {"Accept": "text/html"},
    ],
)
def test_it_refuses_invalid_headers(bureau: BureauClient, headers: dict[str, str]) -> None:
    assert bureau.expect_error(request_body("P01"), **headers) == (400, "10")


@pytest.mark.parametrize("sent", ["", "{", "[]", "null", b"\xff\xfe{", '{"a":' + "[" * 100_000])
def test_it_refuses_what_is_not_a_json_object(bureau: BureauClient, sent: Any) -> None:
    assert bureau.expect_error(sent) == (400, "10")


@pytest.mark.parametrize(
    ("surname", "ssn", "zip_code", "result"),
    [
        ("ROURKE", "666031003", "46360", "P03"),
        ("Rourke", "1003", "463601234", "P03"),
        ("ROURKE", "666031003", "10001", "mismatch"),
        ("ROURKE", "666999999", "46360", "mismatch"),
        ("ROURKE", "", "46360", "mismatch"),
        ("ROURKE", "", "10001", "no record"),
        ("ROURKE", "666999999", "10001", "no record"),
        ("STRANGER", "666031003", "46360", "no record"),
    ],
)
def test_it_finds_a_file_by_three_details_and_reports_a_mismatch_with_two(
    bureau: BureauClient, surname: str, ssn: str, zip_code: str, result: str
) -> None:
    sent = build_request(*APPLICANT, "name", "lastName", to=surname)
    applicant = sent["consumerPii"]["primaryApplicant"]
    applicant["currentAddress"]["zipCode"] = zip_code
    applicant["ssn"] = {"ssn": ssn}
    if not ssn:
        del applicant["ssn"]
    response = bureau.request_report(sent)
    if result == "no record":
        assert (response.status, json.loads(response.data)["errors"][0]["message"]) == (404, "NO RECORD FOUND")
        return
    (ssn_section,) = json.loads(response.data)["creditProfile"][0]["ssn"]
    assert ("variationIndicator" in ssn_section) is (result == "mismatch")
