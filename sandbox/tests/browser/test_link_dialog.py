"""Link's dialog: banks, errors, and the callbacks of the site."""

import re

import pytest
from playwright.sync_api import expect

from sandbox.bank import public_tokens

pytestmark = pytest.mark.browser

EVENT_KEYS = {
    "account_number_mask", "error_code", "error_message", "error_type", "exit_status", "institution_id",
    "institution_name", "institution_search_query", "link_session_id", "mfa_type", "request_id", "selection",
    "timestamp", "view_name",
}  # fmt: skip


# --- A bank is connected ----------------------------------------------------------------------------------


def test_it_connects_a_bank_and_gives_the_site_a_public_token(tab):
    tab.to_success()
    tab.press("Finish")
    tab.is_closed()

    [(public_token, metadata)] = tab.calls("onSuccess")
    [account] = metadata["accounts"]
    assert metadata["institution"] == {"name": "First Platypus Bank", "institution_id": "ins_109508"}
    assert (account["name"], account["mask"], account["subtype"]) == ("Plaid Checking", "0000", "checking")
    assert metadata["account"] == account
    assert metadata["transfer_status"] is None
    assert public_tokens.exchange(tab.host.context, public_token=public_token)[0].startswith("access-sandbox-")
    assert tab.calls("onExit") == []
    expect(tab.page.locator("#open")).to_be_focused()


def test_it_reports_every_step_in_plaids_order(tab):
    tab.to_success()
    tab.press("Finish")
    tab.is_closed()

    assert tab.events() == [
        "OPEN",
        "TRANSITION_VIEW CONSENT",
        "TRANSITION_VIEW SELECT_INSTITUTION",
        "SELECT_INSTITUTION",
        "TRANSITION_VIEW CREDENTIAL",
        "SUBMIT_CREDENTIALS",
        "TRANSITION_VIEW LOADING",
        "TRANSITION_VIEW SELECT_ACCOUNT",
        "TRANSITION_VIEW LOADING",
        "TRANSITION_VIEW CONNECTED",
        "HANDOFF",
    ]
    assert len(tab.calls("onLoad")) == 1
    for name, fields in tab.calls("onEvent"):
        assert set(fields) == EVENT_KEYS, name
        assert len(fields["link_session_id"]) == 37
        assert len(fields["request_id"]) == 15
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields["timestamp"])
    assert tab.calls("onEvent")[-1][1]["institution_name"] == "First Platypus Bank"


def test_it_treats_closing_after_success_as_finished(tab):
    tab.to_success()
    tab.page.keyboard.press("Escape")
    tab.is_closed()

    assert len(tab.calls("onSuccess")) == 1
    assert tab.calls("onExit") == []


def test_it_opens_again_after_it_was_closed(tab):
    tab.open()
    tab.press("Close")
    tab.is_closed()
    tab.page.locator("#open").click()

    tab.shows("Connect a bank to Plumbline")
    assert len(tab.calls("onLoad")) == 1


# --- Finding a bank ---------------------------------------------------------------------------------------


def test_it_searches_while_the_user_types(tab):
    tab.to_banks()
    tab.page.get_by_label("Search for a bank").fill("houndst")

    expect(tab.page.get_by_role("listitem")).to_have_count(1)
    expect(tab.page.get_by_role("status")).to_have_text("1 bank")
    [event] = [fields for name, fields in tab.calls("onEvent") if name == "SEARCH_INSTITUTION"]
    assert event["institution_search_query"] == "houndst"
    tab.press("Houndstooth Bank houndstoothbank.example")
    tab.shows("Sign in to Houndstooth Bank")


def test_it_reports_that_no_bank_was_found(tab):
    tab.to_banks()
    tab.page.get_by_label("Search for a bank").fill("zzz")
    expect(tab.page.get_by_text("No bank has that name.")).to_be_visible()
    tab.press("Close")
    tab.is_closed()

    [(error, metadata)] = tab.calls("onExit")
    assert error is None
    assert metadata["status"] == "institution_not_found"


def test_it_goes_back_to_another_bank(tab):
    tab.to_sign_in()
    tab.press("Back")
    tab.shows("Choose your bank")
    tab.press("Tartan Bank tartanbank.example")

    tab.shows("Sign in to Tartan Bank")


# --- Refusals ---------------------------------------------------------------------------------------------


def test_it_keeps_the_sign_in_open_after_a_wrong_password(tab):
    tab.to_sign_in()
    tab.sign_in("wrong")

    expect(tab.page.get_by_role("alert")).to_contain_text("not correct")
    expect(tab.page.get_by_label("Username")).to_have_value("user_good")
    expect(tab.page.get_by_label("Password")).to_have_value("")
    tab.sign_in()
    tab.shows("Choose accounts")
    tab.press("Close")
    [(error, _)] = tab.calls("onExit")
    assert error is None


def test_it_ends_with_the_error_of_a_locked_account(tab):
    tab.to_sign_in()
    tab.sign_in("error_ITEM_LOCKED")
    tab.shows("Your account is locked")
    tab.press("Exit")
    tab.is_closed()

    [(error, metadata)] = tab.calls("onExit")
    session_id = tab.calls("onEvent")[0][1]["link_session_id"]
    assert error == {
        "error_type": "ITEM_ERROR",
        "error_code": "ITEM_LOCKED",
        "error_message": "the account is locked",
        "display_message": error["display_message"],
    }
    assert "locked" in error["display_message"]
    assert len(metadata.pop("request_id")) == 15
    assert metadata == {
        "institution": {"name": "First Platypus Bank", "institution_id": "ins_109508"},
        "status": "requires_credentials",
        "link_session_id": session_id,
    }
    assert tab.events()[-3:] == ["ERROR", "TRANSITION_VIEW ERROR", "EXIT"]
    last = tab.calls("onEvent")[-1][1]
    assert (last["error_code"], last["exit_status"]) == ("ITEM_LOCKED", "requires_credentials")


def test_it_offers_another_bank_when_this_one_is_down(tab):
    tab.to_sign_in()
    tab.sign_in("error_INSTITUTION_DOWN")
    tab.shows("The bank is down")
    tab.press("Choose another bank")

    tab.shows("Choose your bank")


def test_it_offers_to_try_again_when_the_bank_does_not_respond(tab):
    tab.to_sign_in()
    tab.press("Silent bank")
    tab.press("Submit")
    tab.shows("The bank is not answering")
    tab.press("Try again")
    tab.press("Twelve accounts")
    tab.press("Submit")

    tab.shows("Choose accounts")


@pytest.mark.parametrize("token", ["link-sandbox-unknown", "nonsense"])
def test_it_exits_at_once_with_an_invalid_token(tab, token):
    tab.open(token)
    tab.waits_for("onExit")
    tab.is_closed()

    [(error, metadata)] = tab.calls("onExit")
    assert (error["error_type"], error["error_code"]) == ("INVALID_INPUT", "INVALID_LINK_TOKEN")
    assert (metadata["institution"], metadata["status"]) == (None, None)
    assert tab.events() == ["OPEN", "ERROR", "EXIT"]


def test_it_shows_that_the_connection_was_lost_and_continues_afterwards(tab):
    tab.to_sign_in()
    tab.page.route("**/session/credentials", lambda route: route.abort(), times=1)
    tab.sign_in()
    expect(tab.page.get_by_role("alert")).to_contain_text("The connection was lost.")
    assert [problem for problem in tab.problems if "ERR_FAILED" not in problem] == []
    tab.problems.clear()
    tab.sign_in()

    tab.shows("Choose accounts")


def test_it_ignores_a_response_that_arrives_after_closing(tab):
    routes = []
    tab.to_sign_in()
    tab.page.route("**/session/credentials", lambda route: routes.append(route))
    tab.sign_in()
    tab.shows("Signing in to First Platypus Bank")
    tab.page.keyboard.press("Escape")
    tab.is_closed()
    routes[0].continue_()
    tab.page.locator("#open").click()
    tab.shows("Connect a bank to Plumbline")

    assert tab.events()[-3:] == ["EXIT", "OPEN", "TRANSITION_VIEW CONSENT"]
