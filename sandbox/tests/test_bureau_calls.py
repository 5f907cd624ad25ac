"""The call log: it records every call, without personal data."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.tests.bureau_client import CLIENT, PEOPLE, PREQUAL, REPORT, TOKEN, USER, BureauClient, request_body
from sandbox.tests.sandbox_client import SECRET, run_sandbox


def test_it_notes_what_was_asked_and_what_came_of_it(bureau: BureauClient) -> None:
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


def test_it_tells_refusals_from_reports(bureau: BureauClient) -> None:
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


def test_it_counts_every_call_of_many_hands(bureau: BureauClient) -> None:
    with ThreadPoolExecutor(8) as hands:
        statuses = [
            answer.status for answer in hands.map(lambda _: bureau.request_report(request_body("P11")), range(40))
        ]
    assert statuses == [200] * 40
    assert len(bureau.list_calls("?persona=P11")) == 40
    assert bureau.admin("DELETE", "calls")["cleared"] == 41
    assert bureau.list_calls() == []


def test_it_keeps_nothing_that_tells_who_a_person_is(own_bureau: BureauClient) -> None:
    """Neither the log nor another table contains personal data, also after errors."""
    for persona in PEOPLE:
        own_bureau.request_report(request_body(persona))
        own_bureau.request_report(request_body(persona), Authorization="")
        own_bureau.request_report(request_body(persona) | {"extra": 1})
    first, last, ssn = PEOPLE["P11"]
    own_bureau.request_report(request_body("P11"), clientReferenceId=ssn)
    own_bureau.request_report(request_body("P11"), clientReferenceId=f"pull{last.title()}")
    own_bureau.request_report(request_body("P11"), path=f"{REPORT}?ssn={ssn}", X_Who=f"{first} {last}")
    own_bureau.send(TOKEN, USER | {"password": "hunter2hunter2"}, **{"Content-Type": "application/json"}, **CLIENT)
    own_bureau.driver.context.store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = b"".join(file.read_bytes() for file in own_bureau.driver.context.directory.glob("sandbox.sqlite3*")).lower()
    assert b"[redacted]" in kept
    for _, surname, number in PEOPLE.values():
        assert number.encode() not in kept
        assert f"{number[:3]}-{number[3:5]}-{number[5:]}".encode() not in kept
        assert surname.lower().encode() not in kept
    for secret in (SECRET, "bureau_pass", "hunter2hunter2", "maple", "01151981"):
        assert secret.encode() not in kept


@pytest.mark.parametrize(
    ("headers", "query", "leaked"),
    [
        ({}, "", False),
        ({"X_Debug": "ssn 666-11-1011"}, "", True),
        ({"clientReferenceId": "666111011"}, "", True),
        ({}, "?ssn=666111011", True),
    ],
)
def test_it_notices_a_number_outside_the_body(
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
def test_it_opens_the_operator_s_door_to_nobody_else(bureau: BureauClient, method: str, path: str) -> None:
    for header in ({}, {"Authorization": f"Bearer {bureau.token}"}):
        answer = bureau.driver.http.request(method, f"{bureau.url}/_double/bureau/{path}", body="{}", headers=header)
        assert json.loads(answer.data)["error_code"] == "UNAUTHORIZED_ROUTE_ACCESS"


def test_it_lists_the_people_with_all_that_finds_them(bureau: BureauClient) -> None:
    listed = {one["id"]: one for one in bureau.admin("GET", "personas")["personas"]}
    assert listed.keys() == PEOPLE.keys()
    for persona, (first, last, ssn) in PEOPLE.items():
        one = listed[persona]
        assert (one["first_name"], one["surname"], one["ssn"]) == (first, last, ssn)
        applicant = request_body(persona)["consumerPii"]["primaryApplicant"]
        assert one["line1"] == applicant["currentAddress"]["line1"]
        assert one["dob"] == applicant["dob"]["dob"]
        assert one["month"] is None


@pytest.mark.parametrize("wrong", [{"mode": "asleep"}, {"month": -1}, {"month": "3"}, {"moth": 3}])
def test_it_refuses_a_change_that_makes_no_sense(bureau: BureauClient, wrong: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {bureau.driver.context.admin_token}"}
    assert bureau.send("/_double/bureau/personas/P01", wrong, **headers).status == 400
    assert bureau.send("/_double/bureau/personas/P99", {"month": 1}, **headers).status == 400


@pytest.mark.parametrize(
    ("mode", "answer"),
    [("no_hit", (404, "07")), ("frozen_422", (422, "25")), ("alert_list", (422, "1999"))],
)
def test_it_treats_anybody_as_the_operator_says(bureau: BureauClient, mode: str, answer: tuple[int, str]) -> None:
    bureau.admin("POST", "personas/P01", {"mode": mode})
    assert bureau.expect_error(request_body("P01")) == answer
    assert bureau.request_report(request_body("P02")).status == 200


def test_it_can_freeze_doubt_and_empty_any_file(bureau: BureauClient) -> None:
    bureau.admin("POST", "personas/P01", {"mode": "frozen"})
    assert "FILE FROZEN" in bureau.profile("P01")["statement"][0]["statementText"]
    bureau.admin("POST", "personas/P01", {"mode": "mismatch"})
    assert bureau.profile("P01")["ssn"][0]["variationIndicator"] == "Y"
    bureau.admin("POST", "personas/P01", {"mode": "empty"})
    assert json.loads(bureau.request_report(request_body("P01")).data) == {"creditProfile": []}


# --- Restarts ---------------------------------------------------------------------------------------------


def test_it_knows_everything_again_after_a_restart(tmp_path: Path) -> None:
    for driver in run_sandbox(tmp_path, "instant"):
        before = BureauClient(driver)
        before.set_month("P11", 4)
        before.admin("POST", "personas/P02", {"mode": "frozen"})
        before.add_fault({"kind": "error", "name": "system"}, nth=2, times=2)
        told, token = before.profile("P11"), before.token
        calls = before.list_calls()
    for driver in run_sandbox(tmp_path, "instant"):
        after = BureauClient(driver)
        after.token = token
        assert after.list_calls()[: len(calls)] == calls
        assert after.expect_error(request_body("P11")) == (500, "1")
        after.admin("DELETE", "faults")
        again = after.profile("P11")
        assert "FILE FROZEN" in after.profile("P02")["statement"][0]["statementText"]
    for profile in (told, again):
        profile["headerRecord"][0].pop("reportTime")
    assert told == again


def test_it_forgets_when_the_sandbox_is_reset(own_bureau: BureauClient) -> None:
    own_bureau.set_month("P11", 4)
    own_bureau.driver.admin("POST", "reset")
    assert own_bureau.request_report(request_body("P11")).status == 401
    fresh = BureauClient(own_bureau.driver)
    assert fresh.profile("P11")["riskModel"][0]["score"] == "0702"
