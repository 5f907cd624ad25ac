"""How tokens are issued, checked and expired."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.tests.bureau_client import CLIENT, TOKEN, USER, BureauClient, request_body
from sandbox.tests.sandbox_client import SECRET

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BODY = {**JSON, "Grant_type": "password"}
STYLES = {
    "headers": (USER, {**JSON, **CLIENT}),
    "body": (USER | CLIENT, BODY),
    "form": (urlencode({"grant_type": "password", **USER, **CLIENT}), FORM),
}


def status_and_message(response: Any) -> tuple[int, str]:
    return response.status, json.loads(response.data)["errors"][0]["message"]


@pytest.mark.parametrize("style", STYLES)
def test_it_issues_a_valid_token_in_each_of_three_styles(bureau: BureauClient, style: str) -> None:
    sent, headers = STYLES[style]
    issued = json.loads(bureau.send(TOKEN, sent, **headers).data)
    assert (issued["token_type"], issued["expires_in"]) == ("Bearer", 1800)
    assert bureau.request_report(request_body("P01"), Authorization=f"Bearer {issued['access_token']}").status == 200
    assert bureau.list_calls("?endpoint=token")[-1]["style"] == style


def test_it_issues_a_token_that_is_a_jwt(bureau: BureauClient) -> None:
    issued = bureau.login()
    _, claims, _ = issued["access_token"].split(".")
    read = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert read["exp"] - read["iat"] == 1800
    assert issued["issued_at"].isdecimal()
    assert issued["refresh_token"]


@pytest.mark.parametrize(
    ("sent", "headers", "expected"),
    [
        (USER, {**JSON, **CLIENT, "client_secret": "wrong"}, (401, "Client credentials are invalid")),
        (USER, {**JSON, **CLIENT, "client_id": "wrong"}, (401, "Client credentials are invalid")),
        (
            USER | {"password": "wrong"},
            {**JSON, **CLIENT},
            (401, "Access is denied due to invalid username or password"),
        ),
        (USER | CLIENT, JSON, (400, "unsupported_grant_type")),
        (USER | CLIENT, {**BODY, "Grant_type": "client_credentials"}, (400, "unsupported_grant_type")),
        (urlencode({"grant_type": "refresh_token", **USER, **CLIENT}), FORM, (400, "unsupported_grant_type")),
    ],
)
def test_it_responds_with_an_error_to_wrong_credentials(
    bureau: BureauClient, sent: Any, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert status_and_message(bureau.send(TOKEN, sent, **headers)) == expected


@pytest.mark.parametrize(
    ("sent", "headers"),
    [
        (USER | {"scope": "openid"}, {**JSON, **CLIENT}),
        ({"username": "bureau_user"}, {**JSON, **CLIENT}),
        (USER | {"password": None}, {**JSON, **CLIENT}),
        ("{", {**JSON, **CLIENT}),
        ("[]", {**JSON, **CLIENT}),
        (USER, {**CLIENT, "Content-Type": "text/plain"}),
    ],
)
def test_it_refuses_a_token_request_with_wrong_fields(bureau: BureauClient, sent: Any, headers: dict[str, str]) -> None:
    response = bureau.send(TOKEN, sent, **headers)
    assert response.status == 400
    assert SECRET.encode() not in response.data


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic {token}", "{token}"])
def test_it_refuses_a_report_without_a_valid_token(bureau: BureauClient, header: str) -> None:
    authorization = header.format(token=bureau.token)
    assert bureau.expect_error(request_body("P01"), Authorization=authorization) == (401, "Unauthorized")


def test_it_expires_a_token_after_half_an_hour_of_virtual_time(own_bureau: BureauClient) -> None:
    own_bureau.driver.admin("POST", "clock", {"advance_seconds": 1700})
    assert own_bureau.request_report(request_body("P01")).status == 200
    own_bureau.driver.admin("POST", "clock", {"advance_seconds": 101})
    assert own_bureau.expect_error(request_body("P01")) == (401, "Unauthorized")


def test_it_expires_all_tokens_when_the_operator_requests_it(bureau: BureauClient) -> None:
    other = bureau.login()["access_token"]
    assert bureau.admin("POST", "tokens/expire") == {"expired": 2}
    assert bureau.request_report(request_body("P01"), Authorization=f"Bearer {other}").status == 401
    assert (
        bureau.request_report(request_body("P01"), Authorization=f"Bearer {bureau.login()['access_token']}").status
        == 200
    )


def test_it_stores_no_token(own_bureau: BureauClient) -> None:
    stored = b"".join(file.read_bytes() for file in own_bureau.driver.context.directory.glob("sandbox.sqlite3*"))
    assert b"bureau_tokens" in stored
    assert own_bureau.token.encode() not in stored
    assert own_bureau.token.rpartition(".")[2].encode() not in stored


def test_it_publishes_the_url_of_the_token_endpoint(bureau: BureauClient) -> None:
    response = bureau.driver.http.request("GET", bureau.url + "/.well-known/openid-configuration")
    assert json.loads(response.data)["token_endpoint"] == bureau.url + TOKEN
