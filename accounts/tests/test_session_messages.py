"""Messages to other sessions are stored as a code and values. ``test_sessions`` covers their delivery."""

import logging
from typing import Any

import pytest

from accounts.sessions.session_messages import TEXTS, SessionMessage, describe_message

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EXAMPLES = [
    (SessionMessage.NEW_BROWSER, {"user_agent": FIREFOX}, "New browser signed in to your account: Firefox on Linux."),
    (SessionMessage.NEW_BROWSER, {"user_agent": ""}, "New browser signed in to your account: Unknown browser."),
    (SessionMessage.EMAIL_CHANGED, {}, "The email address of your account was changed."),
    (SessionMessage.AUTHENTICATOR_ADDED, {}, "An authenticator app was added to your account."),
    (SessionMessage.PASSKEY_ADDED, {}, "A passkey was added to your account."),
    (SessionMessage.RECOVERY_CODES_GENERATED, {}, "Recovery codes were generated for your account."),
    (SessionMessage.RECOVERY_CODE_USED, {"left": 0}, "A recovery code was used for your account. Codes left: 0."),
]


def test_it_has_a_text_and_an_example_for_every_message() -> None:
    assert list(TEXTS) == list(SessionMessage)
    assert {message for message, _values, _sentence in EXAMPLES} == set(SessionMessage)


@pytest.mark.parametrize(("message", "values", "sentence"), EXAMPLES)
def test_it_describes_a_message_in_english(message: SessionMessage, values: dict[str, Any], sentence: str) -> None:
    assert describe_message({"code": message.value, "values": values}) == sentence


@pytest.mark.parametrize(
    "stored",
    [
        {"code": "of_a_later_version", "values": {}},
        {"code": "recovery_code_used", "values": {}},
        {"code": "recovery_code_used"},
        {"code": "recovery_code_used", "values": ["left"]},
        {"code": "new_browser", "values": {"user_agent": 7}},
        {"code": ["recovery_code_used"], "values": {}},
        {},
        "A recovery code was used for your account.",
        None,
    ],
    ids=str,
)
def test_it_refers_to_the_security_page_if_a_message_cannot_be_read(
    stored: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert describe_message(stored) == "Your account was changed. Review it on the security page."
    assert [line.levelno for line in caplog.records] == [logging.ERROR]
