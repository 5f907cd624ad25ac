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
def test_it_refuses_a_token_that_it_did_not_create(http, token):
    error = http.post("/link/session/open", json={"link_token": token}).json["error"]

    assert (error["error_type"], error["error_code"]) == ("INVALID_INPUT", "INVALID_LINK_TOKEN")
    assert error["display_message"]
    assert error["retry"] == ""


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
def test_it_refuses_a_body_that_is_not_a_json_object(http, body):
    response = http.post("/link/session/open", data=body, content_type="application/json")

    assert response.status_code == 400
    assert response.json["error_code"] == "INVALID_BODY"


@pytest.mark.parametrize(("method", "path"), [("GET", "/link/session/open"), ("POST", "/link/session/finish")])
def test_it_responds_with_an_error_to_other_paths(http, method, path):
    assert http.open(path, method=method).status_code == 404


# --- The files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.name for path in ASSETS.iterdir()))
def test_it_serves_each_file_of_the_dialog(http, name):
    response = http.get(f"/link/v2/stable/{name}", buffered=True)

    kind = "text/css" if name.endswith(".css") else "text/javascript"
    assert response.content_type.startswith(kind)
    assert response.data == (ASSETS / name).read_bytes()
    again = http.get(f"/link/v2/stable/{name}", headers={"If-None-Match": response.headers["ETag"]}, buffered=True)
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["..%2froutes.py", "%2e%2e/routes.py", "nothing.js", ""])
def test_it_serves_no_other_file(http, name):
    assert http.get(f"/link/v2/stable/{name}").status_code == 404


@pytest.mark.parametrize("path", sorted(ASSETS.glob("*.js")), ids=lambda path: path.name)
def test_it_never_parses_data_as_markup(path):
    source = path.read_text()

    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "style="):
        assert sink not in source
