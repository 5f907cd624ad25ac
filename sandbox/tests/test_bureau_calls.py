"""The call log: it records every call, without personal data."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.tests.bureau_client import APPLICANTS, CLIENT, PREQUAL, REPORT, TOKEN, USER, BureauClient, request_body
from sandbox.tests.sandbox_client import SECRET, run_sandbox


def test_it_logs_the_request_and_its_result(bureau: BureauClient) -> None:
    bureau.profile("P11", "V4", "F9")
    (line,) = bureau.list_calls("?endpoint=report")
    assert {name: line[name] for name in line.keys() - {"id", "at", "milliseconds"}} == {
        "endpoint": "report",
        "path": REPORT,
        "status": 200,
        "error": "",
        "persona": "P11",
        "produced": True,
        "leaked": False,
        "faults": "",
        "purpose": "3F",
        "subscriber": "2222222",
        "reference": "REF1",
        "models": ["V4", "F9"],
        "ssn": "full",
        "dob": "full",
        "month": 0,
    }


def test_it_logs_errors_and_reports_differently(bureau: BureauClient) -> None:
    bureau.request_report(request_body("P04"))
    bureau.request_report(request_body("P01"), path=PREQUAL)
    bureau.request_report(request_body("P01"), Authorization="Bearer old")
    bureau.request_report(request_body("P01") | {"requestor": {"subscriberCode": "9999999"}})
    lines = bureau.list_calls("?endpoint=report")
    assert [(line["persona"], line["status"], line["error"], line["produced"]) for line in lines] == [
        ("P04", 404, "no_record", False),
        ("P01", 200, "", True),
        ("", 401, "invalid_token", False),
        ("", 400, "not_allowed", False),
    ]


def test_it_logs_every_one_of_many_concurrent_calls(bureau: BureauClient) -> None:
    with ThreadPoolExecutor(8) as threads:
        statuses = [
            response.status for response in threads.map(lambda _: bureau.request_report(request_body("P11")), range(40))
        ]
    assert statuses == [200] * 40
    assert len(bureau.list_calls("?persona=P11")) == 40
    assert bureau.admin("DELETE", "calls")["cleared"] == 41
    assert bureau.list_calls() == []


def test_it_stores_no_personal_data(own_bureau: BureauClient) -> None:
    """Neither the log nor another table contains personal data, also after errors."""
    for persona in APPLICANTS:
        own_bureau.request_report(request_body(persona))
        own_bureau.request_report(request_body(persona), Authorization="")
        own_bureau.request_report(request_body(persona) | {"extra": 1})
    first, last, ssn = APPLICANTS["P11"]
    own_bureau.request_report(request_body("P11"), clientReferenceId=ssn)
    own_bureau.request_report(request_body("P11"), clientReferenceId=f"pull{last.title()}")
    own_bureau.request_report(request_body("P11"), path=f"{REPORT}?ssn={ssn}", X_Who=f"{first} {last}")
    own_bureau.send(TOKEN, USER | {"password": "hunter2hunter2"}, **{"Content-Type": "application/json"}, **CLIENT)
    own_bureau.driver.context.store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    stored = b"".join(
        file.read_bytes() for file in own_bureau.driver.context.directory.glob("sandbox.sqlite3*")
    ).lower()
    assert b"[redacted]" in stored
    for _, surname, number in APPLICANTS.values():
        assert number.encode() not in stored
        assert f"{number[:3]}-{number[3:5]}-{number[5:]}".encode() not in stored
        assert surname.lower().encode() not in stored
    for secret in (SECRET, "bureau_pass", "hunter2hunter2", "maple", "01151981"):
        assert secret.encode() not in stored


def test_it_stores_a_random_id_that_contains_a_name_and_nine_digits_by_chance(bureau: BureauClient) -> None:
    reference = "01a22ada784c72ea8ad6661110110c22"
    assert APPLICANTS["P01"][0].lower() in reference
    bureau.request_report(request_body("P01"), clientReferenceId=reference)
    (line,) = bureau.list_calls("?endpoint=report")
    assert (line["reference"], line["leaked"]) == (reference, False)


@pytest.mark.parametrize(
    ("headers", "query", "leaked"),
    [
        ({}, "", False),
        ({"X_Debug": "ssn 666-11-1011"}, "", True),
        ({"clientReferenceId": "666111011"}, "", True),
        ({}, "?ssn=666111011", True),
    ],
)
def test_it_logs_that_a_social_security_number_was_outside_the_body(
    bureau: BureauClient, headers: dict[str, str], query: str, leaked: bool
) -> None:
    bureau.request_report(request_body("P11"), path=REPORT + query, **headers)
    (line,) = bureau.list_calls("?endpoint=report")
    assert line["leaked"] is leaked
    assert "666111011" not in json.dumps(line)


# --- The admin endpoints ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "calls"), ("GET", "personas"), ("POST", "faults"), ("POST", "reset")]
)
def test_it_refuses_admin_calls_without_the_admin_token(bureau: BureauClient, method: str, path: str) -> None:
    for header in ({}, {"Authorization": f"Bearer {bureau.token}"}):
        response = bureau.driver.http.request(method, f"{bureau.url}/_double/bureau/{path}", body="{}", headers=header)
        assert json.loads(response.data)["error_code"] == "UNAUTHORIZED_ROUTE_ACCESS"


def test_it_lists_the_personas_with_the_details_that_find_them(bureau: BureauClient) -> None:
    listed = {description["id"]: description for description in bureau.admin("GET", "personas")["personas"]}
    assert listed.keys() == APPLICANTS.keys()
    for persona, (first, last, ssn) in APPLICANTS.items():
        description = listed[persona]
        assert (description["first_name"], description["surname"], description["ssn"]) == (first, last, ssn)
        applicant = request_body(persona)["consumerPii"]["primaryApplicant"]
        assert description["line1"] == applicant["currentAddress"]["line1"]
        assert description["dob"] == applicant["dob"]["dob"]
        assert description["month"] is None


@pytest.mark.parametrize("wrong", [{"mode": "asleep"}, {"month": -1}, {"month": "3"}, {"moth": 3}])
def test_it_refuses_an_invalid_change_of_a_persona(bureau: BureauClient, wrong: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {bureau.driver.context.admin_token}"}
    assert bureau.send("/_double/bureau/personas/P01", wrong, **headers).status == 400
    assert bureau.send("/_double/bureau/personas/P99", {"month": 1}, **headers).status == 400


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("no_hit", (404, "07")), ("frozen_422", (422, "25")), ("alert_list", (422, "1999"))],
)
def test_it_responds_as_the_persona_s_mode_says(bureau: BureauClient, mode: str, expected: tuple[int, str]) -> None:
    bureau.admin("POST", "personas/P01", {"mode": mode})
    assert bureau.expect_error(request_body("P01")) == expected
    assert bureau.request_report(request_body("P02")).status == 200


def test_it_returns_frozen_mismatching_and_empty_files_by_mode(bureau: BureauClient) -> None:
    bureau.admin("POST", "personas/P01", {"mode": "frozen"})
    assert "FILE FROZEN" in bureau.profile("P01")["statement"][0]["statementText"]
    bureau.admin("POST", "personas/P01", {"mode": "mismatch"})
    assert bureau.profile("P01")["ssn"][0]["variationIndicator"] == "Y"
    bureau.admin("POST", "personas/P01", {"mode": "empty"})
    assert json.loads(bureau.request_report(request_body("P01")).data) == {"creditProfile": []}


# --- Restarts ---------------------------------------------------------------------------------------------


def test_it_keeps_its_state_after_a_restart(tmp_path: Path) -> None:
    for driver in run_sandbox(tmp_path, "instant"):
        before = BureauClient(driver)
        before.set_month("P11", 4)
        before.admin("POST", "personas/P02", {"mode": "frozen"})
        before.add_fault({"kind": "error", "name": "system"}, nth=2, times=2)
        report_before, token = before.profile("P11"), before.token
        calls = before.list_calls()
    for driver in run_sandbox(tmp_path, "instant"):
        after = BureauClient(driver)
        after.token = token
        assert after.list_calls()[: len(calls)] == calls
        assert after.expect_error(request_body("P11")) == (500, "1")
        after.admin("DELETE", "faults")
        report_after = after.profile("P11")
        assert "FILE FROZEN" in after.profile("P02")["statement"][0]["statementText"]
    for profile in (report_before, report_after):
        profile["headerRecord"][0].pop("reportTime")
    assert report_before == report_after


def test_it_deletes_its_state_when_the_sandbox_is_reset(own_bureau: BureauClient) -> None:
    own_bureau.set_month("P11", 4)
    own_bureau.driver.admin("POST", "reset")
    assert own_bureau.request_report(request_body("P11")).status == 401
    new_client = BureauClient(own_bureau.driver)
    assert new_client.profile("P11")["riskModel"][0]["score"] == "0702"
