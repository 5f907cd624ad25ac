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


def status_and_message(answer: Any) -> tuple[int, str]:
    return answer.status, json.loads(answer.data)["errors"][0]["message"]


@pytest.mark.parametrize("style", STYLES)
def test_it_gives_a_token_that_works_in_each_of_three_styles(bureau: BureauClient, style: str) -> None:
    sent, headers = STYLES[style]
    given = json.loads(bureau.send(TOKEN, sent, **headers).data)
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 1800)
    assert bureau.request_report(request_body("P01"), Authorization=f"Bearer {given['access_token']}").status == 200
    assert bureau.list_calls("?endpoint=token")[-1]["style"] == style


def test_it_gives_a_token_that_looks_like_one(bureau: BureauClient) -> None:
    given = bureau.login()
    _, claims, _ = given["access_token"].split(".")
    read = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert read["exp"] - read["iat"] == 1800
    assert given["issued_at"].isdecimal()
    assert given["refresh_token"]


@pytest.mark.parametrize(
    ("sent", "headers", "answer"),
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
def test_it_says_what_is_wrong_with_the_credentials(
    bureau: BureauClient, sent: Any, headers: dict[str, str], answer: tuple[int, str]
) -> None:
    assert status_and_message(bureau.send(TOKEN, sent, **headers)) == answer


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
def test_it_refuses_a_request_that_is_not_exactly_right(
    bureau: BureauClient, sent: Any, headers: dict[str, str]
) -> None:
    answer = bureau.send(TOKEN, sent, **headers)
    assert answer.status == 400
    assert SECRET.encode() not in answer.data


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic {token}", "{token}"])
def test_it_lets_nobody_in_without_a_living_token(bureau: BureauClient, header: str) -> None:
    given = header.format(token=bureau.token)
    assert bureau.expect_error(request_body("P01"), Authorization=given) == (401, "Unauthorized")


def test_it_ends_a_token_after_half_an_hour_of_the_sandbox_s_own_time(own_bureau: BureauClient) -> None:
    own_bureau.driver.admin("POST", "clock", {"advance_seconds": 1700})
    assert own_bureau.request_report(request_body("P01")).status == 200
    own_bureau.driver.admin("POST", "clock", {"advance_seconds": 101})
    assert own_bureau.expect_error(request_body("P01")) == (401, "Unauthorized")


def test_it_ends_all_tokens_when_the_operator_says_so(bureau: BureauClient) -> None:
    other = bureau.login()["access_token"]
    assert bureau.admin("POST", "tokens/expire") == {"expired": 2}
    assert bureau.request_report(request_body("P01"), Authorization=f"Bearer {other}").status == 401
    assert (
        bureau.request_report(request_body("P01"), Authorization=f"Bearer {bureau.login()['access_token']}").status
        == 200
    )


def test_it_keeps_no_token(own_bureau: BureauClient) -> None:
    kept = b"".join(file.read_bytes() for file in own_bureau.driver.context.directory.glob("sandbox.sqlite3*"))
    assert b"bureau_tokens" in kept
    assert own_bureau.token.encode() not in kept
    assert own_bureau.token.rpartition(".")[2].encode() not in kept


def test_it_tells_where_tokens_are_to_be_had(bureau: BureauClient) -> None:
    answer = bureau.driver.http.request("GET", bureau.url + "/.well-known/openid-configuration")
    assert json.loads(answer.data)["token_endpoint"] == bureau.url + TOKEN
