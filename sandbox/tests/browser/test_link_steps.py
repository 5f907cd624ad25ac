"""The optional steps of Link: second factor, account selection, update mode, closing."""

import pytest
from playwright.sync_api import expect

from sandbox.bank import items, links, public_tokens

pytestmark = pytest.mark.browser


# --- The second factor ------------------------------------------------------------------------------------


def test_it_accepts_the_right_code_after_a_wrong_one(tab):
    tab.to_sign_in()
    tab.press("Code by phone")
    tab.press("Submit")
    tab.press("Send code")
    tab.page.get_by_label("Enter your code").fill("4321")
    tab.press("Submit")
    expect(tab.page.get_by_role("alert")).to_contain_text("not correct")
    tab.page.get_by_label("Enter your code").fill("1234")
    tab.press("Submit")

    tab.shows("Choose accounts")
    kinds = [fields["mfa_type"] for name, fields in tab.calls("onEvent") if name == "SUBMIT_MFA"]
    assert kinds == ["device", "code", "code"]


def test_it_asks_security_questions_round_by_round(tab):
    tab.to_sign_in()
    tab.sign_in("mfa_questions_2_1")
    for number in range(2):
        tab.page.get_by_label(f"of round {number + 1}").fill(f"answer_{number}_0")
        tab.press("Submit")

    tab.shows("Choose accounts")


def test_it_asks_to_pick_an_answer(tab):
    tab.to_sign_in()
    tab.sign_in("mfa_selections")
    tab.page.get_by_label("Yes").check()
    tab.press("Submit")

    tab.shows("Choose accounts")


# --- Choosing accounts ------------------------------------------------------------------------------------


def test_it_shares_exactly_the_accounts_that_are_ticked(tab):
    tab.to_accounts()
    everything = tab.page.get_by_label("All accounts")
    everything.check()
    for box in tab.page.get_by_role("checkbox").all():
        expect(box).to_be_checked()
    everything.uncheck()
    tab.page.get_by_label("Plaid Saving").check()
    expect(everything).to_have_js_property("indeterminate", True)
    tab.page.get_by_label("Plaid Mortgage").check()
    tab.press("Continue")
    tab.press("Finish")
    tab.is_closed()

    [(_, metadata)] = tab.calls("onSuccess")
    assert [account["mask"] for account in metadata["accounts"]] == ["1111", "8888"]


def test_it_asks_for_at_least_one_account(tab):
    tab.to_accounts()
    tab.press("Continue")

    expect(tab.page.get_by_role("alert")).to_have_text("Tick at least one account.")
    tab.page.get_by_label("Plaid Saving").check()
    expect(tab.page.get_by_role("alert")).to_have_count(0)
    tab.press("Continue")
    tab.shows("Success")


# --- Update mode ------------------------------------------------------------------------------------------


@pytest.fixture
def item_id(tab) -> str:
    """An Item in ITEM_LOGIN_REQUIRED with one account."""
    tab.to_success()
    tab.press("Finish")
    tab.is_closed()
    _, item_id = public_tokens.exchange(tab.host.context, public_token=tab.calls("onSuccess")[0][0])
    items.update(tab.host.context, item_id, error="ITEM_LOGIN_REQUIRED")
    return item_id


def test_it_repairs_a_connection_with_a_sign_in_only(tab, item_id):
    tab.open(tab.host.create_update_token(item_id))
    tab.shows("Sign in to First Platypus Bank")
    expect(tab.button("Back")).to_have_count(0)
    tab.sign_in()
    tab.shows("Connection repaired")
    tab.press("Finish")
    tab.is_closed()

    assert tab.events()[:2] == ["OPEN", "TRANSITION_VIEW CREDENTIAL"]
    assert items.get(tab.host.context, item_id).error == ""


def test_it_preselects_the_shared_accounts_when_they_can_be_changed(tab, item_id):
    tab.open(tab.host.create_update_token(item_id, update={"account_selection_enabled": True}))
    tab.sign_in()

    expect(tab.page.get_by_label("Plaid Checking")).to_be_checked()
    expect(tab.page.get_by_label("Plaid Saving")).not_to_be_checked()


# --- Leaving ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "title", "status"),
    [
        (None, "Sign in to First Platypus Bank", "requires_credentials"),
        ("mfa_device", "Confirm that it is you", "choose_device"),
        ("mfa_questions_1_1", "Confirm that it is you", "requires_questions"),
        ("mfa_selections", "Confirm that it is you", "requires_selections"),
        ("pass_good", "Choose accounts", "requires_account_selection"),
    ],
)
def test_it_reports_the_step_at_which_the_user_left(tab, password, title, status):
    tab.to_sign_in()
    if password:
        tab.sign_in(password)
    tab.shows(title)
    with tab.page.expect_response("**/session/exit"):
        tab.page.keyboard.press("Escape")
    tab.is_closed()

    [(error, metadata)] = tab.calls("onExit")
    assert error is None
    assert metadata["status"] == status
    assert tab.events()[-1] == "EXIT"
    token = tab.page.locator("body").get_attribute("data-token")
    [session] = links.list_sessions(tab.host.context, token)
    assert session["outcome"]["exit"]["metadata"]["status"] == status
    expect(tab.page.locator("#open")).to_be_focused()


def test_it_reports_no_bank_when_the_user_leaves_at_the_start(tab):
    tab.open()
    tab.shows("Connect a bank to Plumbline")
    tab.press("Close")
    tab.is_closed()

    [(error, metadata)] = tab.calls("onExit")
    assert (error, metadata["institution"], metadata["status"]) == (None, None, None)


def test_it_closes_when_the_site_calls_exit(tab):
    tab.open()
    tab.shows("Connect a bank to Plumbline")
    called = tab.page.evaluate("new Promise((done) => handler.exit({ force: true }, () => done('called')))")
    tab.is_closed()

    assert called == "called"
    assert len(tab.calls("onExit")) == 1


def test_it_calls_nothing_when_it_is_destroyed(tab):
    tab.open()
    tab.shows("Connect a bank to Plumbline")
    tab.page.evaluate("handler.destroy()")
    tab.is_closed()
    tab.page.locator("#open").click()
    tab.has_settled()

    assert tab.calls("onExit") == []
    tab.is_closed()
