"""Link's session API, step by step over HTTP."""

from datetime import timedelta

import pytest
from werkzeug.test import Client

from sandbox.app import Application
from sandbox.bank import items, links, public_tokens
from sandbox.context import open_context

PLATYPUS = "ins_109508"
GOOD = "pass_good"


@pytest.fixture
def context(tmp_path):
    return open_context(tmp_path, client_id="client", secret="client-secret")


@pytest.fixture
def http(context):
    return Client(Application(context))


@pytest.fixture
def open_link(context, http):
    """Open Link with a new token; the options are those of ``/link/token/create``."""

    def open_link(*, item_id=None, **request) -> "LinkClient":
        fields = {"client_name": "Plumbline", "country_codes": ["US"], **request}
        if item_id is None:
            fields.setdefault("products", ["transactions"])
        return LinkClient(http, links.create_token(context, request=fields, item_id=item_id).token)

    return open_link


class LinkClient:
    """A client of one Link session, as the browser's dialog."""

    def __init__(self, http, link_token):
        self.http, self.token, self.id = http, link_token, ""
        self.opened = self.post("open")
        self.id = self.opened.get("link_session_id", "")

    def post(self, step, **fields):
        response = self.http.post(
            f"/link/session/{step}", json={"link_token": self.token, "link_session_id": self.id, **fields}
        )
        assert response.status_code == 200, response.text
        return response.json

    def sign_in(self, password=GOOD, username="user_good", bank=PLATYPUS):
        return self.post("credentials", institution_id=bank, username=username, password=password)

    def connect(self):
        account = self.sign_in()["accounts"][0]
        return self.post("accounts", account_ids=[account["id"]])


# --- Opening ----------------------------------------------------------------------------------------------


def test_it_opens_with_the_products_that_the_site_requests(open_link):
    opened = open_link(products=["transactions"], additional_consented_products=["liabilities", "transactions"]).opened

    assert opened["view"] == "CONSENT"
    assert opened["mode"] == "connect"
    assert opened["client_name"] == "Plumbline"
    assert opened["products"] == ["liabilities", "transactions"]
    assert opened["institution"] is None
    assert len(opened["request_id"]) == 15


def test_it_offers_test_logins_that_work(open_link):
    logins = open_link().opened["logins"]
    assert len(logins) > 3
    for login in logins:
        response = open_link().sign_in(login["password"], login["username"])
        expected = login["password"].removeprefix("error_") if "error_" in login["password"] else None
        assert response.get("error", {}).get("error_code") == expected


def test_it_starts_at_the_bank_that_the_site_requested(open_link):
    opened = open_link(institution_id=PLATYPUS).opened

    assert opened["view"] == "CONSENT"
    assert opened["institution"]["name"] == "First Platypus Bank"


def test_it_never_sends_the_clients_secret(http, open_link):
    link = open_link()
    seen = [link.opened, link.post("institutions", query=""), link.connect()]
    script = http.get("/link/v2/stable/link-initialize.js", buffered=True).text
    assert "client-secret" not in str(seen) + script


def test_it_refuses_a_token_after_four_hours_even_in_a_session(context, open_link):
    link = open_link()
    context.clock.advance(timedelta(hours=4))

    assert link.post("open")["error"]["error_code"] == "INVALID_LINK_TOKEN"
    assert link.sign_in()["error"]["error_code"] == "INVALID_LINK_TOKEN"


def test_it_refuses_the_session_of_another_user(open_link):
    alice, mallory = open_link(), open_link()
    alice.sign_in()
    mallory.id = alice.id

    for step, fields in (("accounts", {"account_ids": []}), ("mfa", {"answers": []}), ("institutions", {"query": ""})):
        assert mallory.post(step, **fields)["error"]["error_code"] == "INVALID_LINK_TOKEN"


# --- Choosing a bank --------------------------------------------------------------------------------------


def test_it_finds_banks_by_name(open_link):
    response = open_link().post("institutions", query="tart")

    assert response["query"] == "tart"
    assert {
        "institution_id": "ins_109511",
        "name": "Tartan Bank",
        "url": "https://www.tartanbank.example",
        "primary_color": "#9a3b26",
    } in response["institutions"]
    assert all("tart" in bank["name"].lower() for bank in response["institutions"])


def test_it_lists_only_banks_of_the_requested_countries(open_link):
    ids = {
        bank["institution_id"]
        for bank in open_link(country_codes=["GB"]).post("institutions", query="")["institutions"]
    }

    assert "ins_117650" in ids
    assert PLATYPUS not in ids


def test_it_finds_no_bank_for_an_unknown_name(open_link):
    assert open_link().post("institutions", query="zzz")["institutions"] == []


def test_it_refuses_a_bank_that_does_not_exist(open_link):
    assert open_link().sign_in(bank="ins_0")["error"]["error_code"] == "INVALID_INSTITUTION"


# --- Signing in -------------------------------------------------------------------------------------------


def test_it_offers_every_account_and_preselects_none(open_link):
    response = open_link().sign_in()

    assert response["view"] == "SELECT_ACCOUNT"
    assert len(response["accounts"]) == 12
    checking = next(account for account in response["accounts"] if account["mask"] == "0000")
    assert checking.pop("id")
    assert checking == {
        "name": "Plaid Checking", "mask": "0000", "type": "depository", "subtype": "checking", "ticked": False,
    }  # fmt: skip
    assert not any(account["ticked"] for account in response["accounts"])


@pytest.mark.parametrize(
    ("username", "password", "code", "retry"),
    [
        ("user_good", "wrong", "INVALID_CREDENTIALS", "pane"),
        ("nobody", "pass_good", "INVALID_CREDENTIALS", "pane"),
        ("", "", "INVALID_CREDENTIALS", "pane"),
        ("user_good", "error_ITEM_LOCKED", "ITEM_LOCKED", "institution"),
        ("user_good", "error_USER_SETUP_REQUIRED", "USER_SETUP_REQUIRED", "institution"),
        ("user_good", "error_NO_ACCOUNTS", "NO_ACCOUNTS", "institution"),
        ("user_good", "error_MFA_NOT_SUPPORTED", "MFA_NOT_SUPPORTED", "institution"),
        ("user_good", "error_INSTITUTION_DOWN", "INSTITUTION_DOWN", "institution"),
        ("user_good", "error_INSTITUTION_NOT_RESPONDING", "INSTITUTION_NOT_RESPONDING", "credentials"),
        ("user_good", "error_USER_INPUT_TIMEOUT", "USER_INPUT_TIMEOUT", "credentials"),
        ("user_good", "error_INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR", "credentials"),
        ("user_good", "error_UNSUPPORTED_RESPONSE", "UNSUPPORTED_RESPONSE", "institution"),
    ],
)
def test_it_explains_why_a_sign_in_failed_and_what_the_user_can_do(open_link, username, password, code, retry):
    error = open_link().sign_in(password, username)["error"]

    assert error["error_code"] == code
    assert error["retry"] == retry
    assert error["title"]
    assert error["display_message"]


def test_it_lets_the_user_try_again_after_an_error(open_link):
    link = open_link()
    link.sign_in("wrong")
    link.sign_in("error_ITEM_LOCKED")

    assert link.sign_in(bank="ins_109511")["view"] == "SELECT_ACCOUNT"


@pytest.mark.parametrize(
    ("bank", "code"), [("ins_132361", "INSTITUTION_DOWN"), ("ins_133402", "INSTITUTION_NO_LONGER_SUPPORTED")]
)
def test_it_refuses_every_login_at_a_bank_that_is_down(open_link, bank, code):
    assert open_link().sign_in(bank=bank)["error"]["error_code"] == code


# --- The second factor ------------------------------------------------------------------------------------


def test_it_sends_a_code_to_a_device_and_checks_it(open_link):
    link = open_link()
    device = link.sign_in("mfa_device")
    assert device["view"] == "MFA"
    assert device["mfa"]["type"] == "device"

    code = link.post("mfa", answers=[device["mfa"]["prompts"][0]["options"][0]])
    assert code["mfa"]["type"] == "code"
    assert code["mfa"]["prompts"] == [{"label": "Enter your code", "options": []}]
    assert "1234" in code["mfa"]["hint"]

    wrong = link.post("mfa", answers=["4321"])["error"]
    assert (wrong["error_code"], wrong["retry"]) == ("INVALID_MFA", "pane")

    assert link.post("mfa", answers=["1234"])["view"] == "SELECT_ACCOUNT"


def test_it_asks_as_many_rounds_of_questions_as_the_password_says(open_link):
    link = open_link()
    first = link.sign_in("mfa_questions_2_2")
    assert len(first["mfa"]["prompts"]) == 2

    second = link.post("mfa", answers=["answer_0_0", "answer_0_1"])
    assert second["view"] == "MFA"
    assert link.post("mfa", answers=["answer_0_0", "answer_0_1"])["error"]["error_code"] == "INVALID_MFA"

    assert link.post("mfa", answers=["answer_1_0", "answer_1_1"])["view"] == "SELECT_ACCOUNT"


def test_it_asks_to_pick_an_answer(open_link):
    link = open_link()
    mfa = link.sign_in("mfa_selections")["mfa"]

    assert mfa["type"] == "selections"
    assert link.post("mfa", answers=[""] * len(mfa["prompts"]))["error"]["error_code"] == "INVALID_MFA"
    assert link.post("mfa", answers=["Yes"] * len(mfa["prompts"]))["view"] == "SELECT_ACCOUNT"


def test_it_requires_the_second_factor(open_link):
    link = open_link()
    link.sign_in("mfa_device")

    assert "error" in link.post("accounts", account_ids=[])


# --- Accounts and the end ---------------------------------------------------------------------------------


def test_it_ends_with_a_public_token_and_plaids_metadata(context, open_link):
    link = open_link()
    checking, saving = link.sign_in()["accounts"][:2]

    response = link.post("accounts", account_ids=[checking["id"], saving["id"]])

    shared = [
        {"id": account["id"], "name": account["name"], "mask": account["mask"], "type": "depository",
         "subtype": account["subtype"], "verification_status": None, "class_type": None}
        for account in (checking, saving)
    ]  # fmt: skip
    metadata = response["metadata"]
    assert response["view"] == "CONNECTED"
    assert response["public_token"].startswith("public-sandbox-")
    assert metadata["institution"] == {"name": "First Platypus Bank", "institution_id": PLATYPUS}
    assert metadata["accounts"] == shared
    assert metadata["account"] == shared[0]
    assert metadata["link_session_id"] == link.id
    assert metadata["transfer_status"] is None
    assert public_tokens.exchange(context, public_token=response["public_token"])[0].startswith("access-sandbox-")


def test_it_shares_nothing_when_no_account_is_selected(open_link):
    link = open_link()
    link.sign_in()

    assert link.post("accounts", account_ids=[])["error"]["error_code"] == "NO_ACCOUNTS"


def test_it_shares_no_account_that_it_did_not_offer(open_link):
    alice, mallory = open_link(), open_link()
    theirs = alice.sign_in()["accounts"][0]["id"]
    mallory.sign_in()

    assert mallory.post("accounts", account_ids=[theirs])["error"]["error_code"] == "INVALID_ACCOUNT_ID"


def test_it_ends_only_once(open_link):
    link = open_link()
    offered = link.sign_in()["accounts"]
    link.post("accounts", account_ids=[offered[0]["id"]])

    assert "error" in link.post("accounts", account_ids=[offered[0]["id"]])


# --- Update mode ------------------------------------------------------------------------------------------


@pytest.fixture
def item_id(context, open_link):
    """An Item in ITEM_LOGIN_REQUIRED that shares one account."""
    _, item_id = public_tokens.exchange(context, public_token=open_link().connect()["public_token"])
    items.update(context, item_id, error="ITEM_LOGIN_REQUIRED")
    return item_id


def test_it_starts_an_update_at_the_sign_in_of_the_item_s_bank(open_link, item_id):
    opened = open_link(item_id=item_id).opened

    assert (opened["view"], opened["mode"]) == ("CREDENTIAL", "update")
    assert opened["institution"]["institution_id"] == PLATYPUS


def test_it_repairs_without_account_selection(context, open_link, item_id):
    response = open_link(item_id=item_id).sign_in()

    assert response["view"] == "CONNECTED"
    assert [account["mask"] for account in response["metadata"]["accounts"]] == ["0000"]
    assert items.get(context, item_id).error == ""


def test_it_ignores_another_bank_in_an_update(open_link, item_id):
    response = open_link(item_id=item_id).sign_in(bank="ins_109511")

    assert response["metadata"]["institution"]["institution_id"] == PLATYPUS


def test_it_preselects_shared_accounts_when_they_can_be_changed(open_link, item_id):
    response = open_link(item_id=item_id, update={"account_selection_enabled": True}).sign_in()

    assert [account["mask"] for account in response["accounts"] if account["ticked"]] == ["0000"]
    assert len(response["accounts"]) == 12


# --- Leaving ----------------------------------------------------------------------------------------------


def test_it_records_how_the_user_left(context, open_link):
    link = open_link()
    error = link.sign_in("error_ITEM_LOCKED")["error"]

    link.post("exit", status="requires_credentials", error=error)

    ended = links.list_sessions(context, link.token)[-1]
    assert ended["finished_at"]
    assert ended["outcome"]["exit"]["metadata"]["status"] == "requires_credentials"
    assert ended["outcome"]["exit"]["error"] == {
        name: error[name] for name in ("error_type", "error_code", "error_message", "display_message")
    }


def test_it_keeps_a_success_when_an_exit_comes_late(context, open_link):
    link = open_link()
    token = link.connect()["public_token"]

    link.post("exit", status=None, error=None)

    assert links.list_sessions(context, link.token)[-1]["outcome"]["public_token"] == token


@pytest.mark.parametrize("status", [None, 5, "<script>", ["requires_code"]])
def test_it_records_no_status_that_plaid_does_not_have(context, open_link, status):
    link = open_link()

    link.post("exit", status=status, error="nonsense")

    assert links.list_sessions(context, link.token)[-1]["outcome"]["exit"] == {
        "error": None,
        "metadata": {"status": ""},
    }


# --- Bad requests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        ("institutions", {}),
        ("institutions", {"query": 5}),
        ("credentials", {"institution_id": PLATYPUS, "username": None, "password": "x"}),
        ("credentials", {"institution_id": PLATYPUS, "username": "x", "password": ["x"]}),
        ("credentials", {"institution_id": {}, "username": "x", "password": "x"}),
        ("mfa", {"answers": "1234"}),
        ("mfa", {"answers": [1234]}),
        ("accounts", {"account_ids": None}),
        ("accounts", {"account_ids": [None]}),
    ],
)
def test_it_refuses_fields_of_the_wrong_type(open_link, step, fields):
    assert open_link().post(step, **fields)["error"]["error_code"] == "INVALID_FIELD"
