"""What a person reads in each state: every state has words, and every button leads somewhere."""

import pytest
from django.urls import resolve, reverse

from credit.forms import DetailsForm
from credit.presentation.status_messages import FIELD_LABELS, STATUS_MESSAGES, banner_for
from credit.statuses import EnrollmentStatus

TO_ANSWER = {
    EnrollmentStatus.PULLING,
    EnrollmentStatus.RETRYING,
    EnrollmentStatus.OUTCOME_UNKNOWN,
    EnrollmentStatus.UNPARSED,
    EnrollmentStatus.UNAVAILABLE,
}


def test_it_has_words_for_every_state() -> None:
    assert set(STATUS_MESSAGES) == set(EnrollmentStatus)
    titles = [status_message.title for status_message in STATUS_MESSAGES.values()]
    assert len(set(titles)) == len(titles)
    assert all(status_message.texts for status_message in STATUS_MESSAGES.values())


@pytest.mark.parametrize("state", EnrollmentStatus)
def test_it_leads_somewhere_or_says_that_nothing_has_to_be_done(state: EnrollmentStatus) -> None:
    status_message = STATUS_MESSAGES[state]
    if status_message.action:
        assert resolve(reverse(status_message.action_url_name))
        assert status_message.action_method in ("get", "post")
    elif state in TO_ANSWER:
        assert any("You don't need to do anything" in text or "automatically" in text for text in status_message.texts)


def test_it_treats_a_freeze_as_what_the_person_wanted() -> None:
    words = " ".join(map(str, STATUS_MESSAGES[EnrollmentStatus.FROZEN].texts))
    assert "Nothing is wrong" in words
    assert "It's free." in words
    assert "error" not in words.casefold()
    assert [link.url for link in STATUS_MESSAGES[EnrollmentStatus.FROZEN].links] == [
        "https://www.experian.com/freeze/center.html"
    ]


def test_it_draws_no_conclusion_from_a_restricted_file() -> None:
    words = " ".join(map(str, STATUS_MESSAGES[EnrollmentStatus.RESTRICTED].texts)).casefold()
    for conclusion in ("deceased", "died", "fraud", "minor", "alert"):
        assert conclusion not in words


def test_it_says_above_a_report_what_is_not_as_usual() -> None:
    assert banner_for(EnrollmentStatus.READY) is None
    for state in set(EnrollmentStatus) - {EnrollmentStatus.READY}:
        found = banner_for(state)
        assert found is not None
        assert resolve(found.url)


def test_it_names_every_field_that_can_be_refused() -> None:
    assert set(FIELD_LABELS) == set(DetailsForm.base_fields) - {"keep_ssn"}
