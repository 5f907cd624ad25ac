"""The message of each enrollment status: every status has a text, and every button leads to a page."""

import pytest
from django.urls import resolve, reverse

from credit.forms import DetailsForm
from credit.presentation.status_messages import FIELD_LABELS, STATUS_MESSAGES, banner_for
from credit.statuses import EnrollmentStatus

WAITING_FOR_US = {
    EnrollmentStatus.PULLING,
    EnrollmentStatus.RETRYING,
    EnrollmentStatus.OUTCOME_UNKNOWN,
    EnrollmentStatus.UNPARSED,
    EnrollmentStatus.UNAVAILABLE,
}


def test_it_has_a_distinct_message_for_every_status() -> None:
    assert set(STATUS_MESSAGES) == set(EnrollmentStatus)
    titles = [status_message.title for status_message in STATUS_MESSAGES.values()]
    assert len(set(titles)) == len(titles)
    assert all(status_message.texts for status_message in STATUS_MESSAGES.values())


@pytest.mark.parametrize("status", EnrollmentStatus)
def test_it_offers_an_action_or_says_that_none_is_needed(status: EnrollmentStatus) -> None:
    status_message = STATUS_MESSAGES[status]
    if status_message.action:
        assert resolve(reverse(status_message.action_url_name))
        assert status_message.action_method in ("get", "post")
    elif status in WAITING_FOR_US:
        assert any("You don't need to do anything" in text or "automatically" in text for text in status_message.texts)


def test_it_presents_a_freeze_as_intended_and_not_as_an_error() -> None:
    words = " ".join(map(str, STATUS_MESSAGES[EnrollmentStatus.FROZEN].texts))
    assert "Nothing is wrong" in words
    assert "It's free." in words
    assert "error" not in words.casefold()
    assert [link.url for link in STATUS_MESSAGES[EnrollmentStatus.FROZEN].links] == [
        "https://www.experian.com/freeze/center.html"
    ]


def test_it_names_no_reason_for_a_restricted_file() -> None:
    words = " ".join(map(str, STATUS_MESSAGES[EnrollmentStatus.RESTRICTED].texts)).casefold()
    for conclusion in ("deceased", "died", "fraud", "minor", "alert"):
        assert conclusion not in words


def test_it_has_a_banner_for_every_status_except_ready() -> None:
    assert banner_for(EnrollmentStatus.READY) is None
    for status in set(EnrollmentStatus) - {EnrollmentStatus.READY}:
        banner = banner_for(status)
        assert banner is not None
        assert resolve(banner.url)


def test_it_has_a_label_for_every_field_that_the_bureau_can_reject() -> None:
    assert set(FIELD_LABELS) == set(DetailsForm.base_fields) - {"keep_ssn"}
