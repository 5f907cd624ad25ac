"""The script that a site loads: ``window.Plaid``, and when it opens or throws."""

import pytest

pytestmark = pytest.mark.browser


def test_it_opens_as_soon_as_it_has_loaded(tab):
    tab.page.goto(tab.host.link_url(tab.host.create_token()) + "&open=1")

    tab.shows("Connect a bank to Plumbline")
    assert [name for name, *_ in tab.page.evaluate("calls")][:2] == ["onLoad", "onEvent"]


def test_it_calls_on_exit_when_its_files_cannot_be_loaded(tab):
    tab.page.route("**/link/v2/stable/dialog.js", lambda route: route.abort())
    tab.open()
    tab.waits_for("onExit")

    [(error, metadata)] = tab.calls("onExit")
    assert (error["error_type"], error["error_code"]) == ("API_ERROR", "INTERNAL_SERVER_ERROR")
    assert set(metadata) == {"institution", "status", "link_session_id", "request_id"}
    assert tab.calls("onLoad") == []
    assert any("ERR_FAILED" in problem for problem in tab.problems)
    tab.problems.clear()


def test_it_does_not_open_when_it_was_destroyed_before(tab):
    tab.page.goto(tab.host.link_url(tab.host.create_token()))
    tab.page.evaluate("handler.open(); handler.destroy()")
    tab.has_settled()

    tab.is_closed()
    assert tab.calls("onEvent") == []


def test_it_keeps_an_open_session_when_its_script_is_loaded_again(tab):
    tab.open()
    tab.shows("Connect a bank to Plumbline")
    script = tab.page.request.get(f"{tab.host.url}/_sandbox/link/v2/stable/link-initialize.js").text()
    tab.page.evaluate("window.first = window.Plaid")
    tab.page.evaluate(script)

    assert tab.page.evaluate("window.first === window.Plaid")
    tab.press("Continue")
    tab.shows("Choose your bank")


def test_it_opens_one_dialog_at_a_time(tab):
    tab.open()
    tab.shows("Connect a bank to Plumbline")
    tab.page.evaluate("handler.open(); Plaid.create({ token: 'other', onSuccess() {} }).open()")
    tab.press("Continue")

    tab.shows("Choose your bank")
    assert tab.events().count("OPEN") == 1


@pytest.mark.parametrize("config", ["", "{}", "{ token: '' , onSuccess() {} }", "{ token: 'link-sandbox-1' }"])
def test_it_refuses_a_configuration_without_token_or_callback(tab, config):
    tab.page.goto(tab.host.link_url(tab.host.create_token()))

    refused = tab.page.evaluate(
        f"() => {{ try {{ Plaid.create({config}); }} catch (error) {{ return error.message; }} }}"
    )
    assert refused.startswith("Missing Link parameter.")


def test_it_shows_markup_in_a_name_as_text(tab):
    tab.open(tab.host.create_token(client_name="<b onclick=a()>&amp;</b>"))

    tab.shows("Connect a bank to <b onclick=a()>&amp;</b>")
