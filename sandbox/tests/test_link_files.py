"""The files of Link's dialog, and requests that are refused without a session."""

import pytest
from werkzeug.test import Client

from sandbox.app import Application
from sandbox.context import open_context
from sandbox.link.routes import ASSETS


@pytest.fixture
def http(tmp_path):
    return Client(Application(open_context(tmp_path, client_id="client", secret="client-secret")))


@pytest.mark.parametrize("token", ["", "link-sandbox-unknown", None, 7, {"a": 1}])
def test_it_refuses_a_token_it_did_not_make(http, token):
    error = http.post("/link/session/open", json={"link_token": token}).json["error"]

    assert (error["error_type"], error["error_code"]) == ("INVALID_INPUT", "INVALID_LINK_TOKEN")
    assert error["display_message"]
    assert error["retry"] == ""


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
def test_it_refuses_a_body_that_is_no_json_object(http, body):
    answer = http.post("/link/session/open", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json["error_code"] == "INVALID_BODY"


@pytest.mark.parametrize(("method", "path"), [("GET", "/link/session/open"), ("POST", "/link/session/finish")])
def test_it_knows_no_other_door(http, method, path):
    assert http.open(path, method=method).status_code == 404


# --- The files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.name for path in ASSETS.iterdir()))
def test_it_serves_each_file_of_the_dialog(http, name):
    answer = http.get(f"/link/v2/stable/{name}", buffered=True)

    kind = "text/css" if name.endswith(".css") else "text/javascript"
    assert answer.content_type.startswith(kind)
    assert answer.data == (ASSETS / name).read_bytes()
    again = http.get(f"/link/v2/stable/{name}", headers={"If-None-Match": answer.headers["ETag"]}, buffered=True)
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["..%2froutes.py", "%2e%2e/routes.py", "nothing.js", ""])
def test_it_serves_no_other_file(http, name):
    assert http.get(f"/link/v2/stable/{name}").status_code == 404


@pytest.mark.parametrize("path", sorted(ASSETS.glob("*.js")), ids=lambda path: path.name)
def test_it_never_turns_data_into_markup(path):
    source = path.read_text()

    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "style="):
        assert sink not in source
