"""The last event about a purpose says whether a consent is active: in any order, in counts, and of threads at once."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import time_machine
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.consent import (
    ConsentText,
    Purpose,
    count_consents_by_version,
    grant,
    list_consent_events,
    lock_active_consent,
    withdraw,
)
from compliance.consent.records import VersionCount
from compliance.isolation import tenant
from compliance.personal_data.erasure import erase_person
from compliance.tests.conftest import default_and_ops
from compliance.tests.consents import MARKETING, MOMENT, find_active, grant_consent, withdraw_consent
from compliance.tests.threads import in_threads

pytestmark = [default_and_ops, pytest.mark.dates]


# --- Any order of events ----------------------------------------------------------------------------------

ACTIONS = st.one_of(
    st.tuples(st.just("grant"), st.one_of(st.none(), st.integers(1, 5))),
    st.tuples(st.just("withdraw"), st.none()),
    st.tuples(st.just("wait"), st.integers(-3, 6)),
)


@settings(max_examples=30, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=12))
def test_it_lets_the_last_event_decide_in_any_order(actions: list[tuple[str, int | None]]) -> None:
    """With clocks that run ahead or behind, consents that expire and consents that do not."""
    user, granted, granted_at, ends_at = SimpleNamespace(pk=uuid4()), None, MOMENT, None
    with time_machine.travel(MOMENT, tick=False) as clock:
        for action, days in actions:
            if action == "wait":
                clock.shift(timedelta(days=days))
            elif action == "grant":
                valid_for = None if days is None else timedelta(days=days)
                granted = grant(user=user, consent_text=MARKETING, valid_for=valid_for)
                granted_at, ends_at = granted.at, granted.expires_at
            elif withdraw(user=user, purpose=Purpose.MARKETING) is not None:
                granted = None
            now = datetime.now(UTC)
            is_active = granted is not None and (ends_at is None or ends_at > now)
            assert find_active(user, Purpose.MARKETING) == (granted if is_active else None)
    times = [event.at for event in list_consent_events(user_id=user.pk)]
    assert times == sorted(set(times), reverse=True)
    assert granted is None or granted_at == times[0]


def test_it_counts_users_by_their_last_event(alice: Any, mallory: Any) -> None:
    versions = [f"{uuid4()}"[:30] for _ in range(2)]
    texts = [ConsentText(Purpose.MARKETING, version, "I agree.") for version in versions]
    for user, text in ((alice, texts[0]), (alice, texts[1]), (mallory, texts[0])):
        grant(user=user, consent_text=text)
    withdraw_consent(mallory, Purpose.MARKETING)
    counts = {count.version: (count.active, count.ended) for count in count_consents_by_version()}
    assert (counts[versions[0]], counts[versions[1]]) == ((0, 1), (1, 0))


def test_it_counts_no_one_who_was_erased(alice: Any, mallory: Any) -> None:
    text = ConsentText(Purpose.MARKETING, f"{uuid4()}"[:30], "I agree.")
    for user in (alice, mallory):
        grant(user=user, consent_text=text)
    erase_person(owner=alice.pk, requested_at=datetime.now(UTC))
    counts = [count for count in count_consents_by_version() if count.version == text.version]
    assert counts == [VersionCount(Purpose.MARKETING, text.version, active=1, ended=0)]


# --- Concurrency ------------------------------------------------------------------------------------------


def test_it_stores_one_of_concurrent_withdrawals(alice: Any) -> None:
    first = grant_consent(alice)
    results = in_threads(6, lambda: withdraw_consent(alice))
    (withdrawal,) = [result for result in results if result is not None]
    assert withdrawal.withdraws == first.pk
    assert len(list_consent_events(user_id=alice.pk)) == 2


def test_it_orders_concurrent_consents_and_withdrawals(alice: Any) -> None:
    grant_consent(alice)
    actions = iter([grant_consent, withdraw_consent] * 4)
    results = in_threads(8, lambda: next(actions)(alice))
    assert not [result for result in results if isinstance(result, Exception)]
    events = list_consent_events(user_id=alice.pk)[::-1]
    assert len({event.at for event in events}) == len(events)
    assert [e.kind for e in events].count("granted") == 5
    previous = events[0]
    for event in events[1:]:
        # A withdrawal directly follows the consent that it withdraws, so the last event alone says what is active.
        assert event.kind == "granted" or event.withdraws == previous.pk
        previous = event
    assert find_active(alice) == (previous if previous.kind == "granted" else None)


def test_it_holds_an_active_consent_against_withdrawals(alice: Any) -> None:
    event = grant_consent(alice)
    with tenant(alice.pk):
        assert lock_active_consent(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT) == event
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
            key = f"consent {alice.pk} credit_report"
            (is_free,) = other.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key]).fetchone()
        assert not is_free
    withdraw_consent(alice)
    with tenant(alice.pk):
        assert lock_active_consent(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT) is None
