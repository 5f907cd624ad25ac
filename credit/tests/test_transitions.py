"""The enrollment's state machine: which events are allowed, where they lead, and that no other code changes it."""

import ast
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from credit.enrollment import transitions
from credit.enrollment.transitions import STORED, TRANSITIONS, Event, FailureDecision, IllegalTransition
from credit.models import Enrollment
from credit.report import ReportStatus
from credit.statuses import NEEDS_DETAILS, EnrollmentStatus

OWNER = UUID(int=7)
NOW = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
FAILURES = sorted(TRANSITIONS[Event.FAIL_PULL].targets)
STORED_ATTRIBUTES = frozenset(
    {
        "status", "status_changed_at", "rejected_field", "pull_day", "due_on", "succeeded_at", "eligible_at",
        "next_pull_at", "failures",
        "unknown_outcomes", "details_corrected", "consent_id", "enrolled_at", "withdrawn_at", "identity", "ssn",
    }
)  # fmt: skip
ENROLLMENT_NAMES = frozenset({"enrollment"})


def make_enrollment(status, *, is_withdrawn=False):
    """An unsaved enrollment in a status."""
    enrollment = Enrollment(owner_id=OWNER, pull_day=31, status=status, identity="{}", succeeded_at=NOW)
    if is_withdrawn:
        transitions.withdraw(enrollment, now=NOW)
    return enrollment


def apply(event, enrollment, target):
    """Apply an event; the target is the status to end in, for events that can end in several."""
    match event:
        case Event.CHANGE_DETAILS:
            transitions.change_details(enrollment, identity="{}", ssn=None, consent_id=UUID(int=1), now=NOW)
        case Event.BEGIN_PULL:
            transitions.begin_pull(enrollment, now=NOW)
        case Event.ABANDON_PULL:
            transitions.abandon_pull(enrollment, now=NOW)
        case Event.FAIL_PULL:
            decision = FailureDecision(target, cooldown=timedelta(minutes=15), monthly=target not in NEEDS_DETAILS)
            transitions.fail_pull(enrollment, decision, at=NOW, now=NOW, due_on=None)
        case Event.STORE_RAW_REPORT:
            transitions.store_raw_report(enrollment, fetched_at=NOW, now=NOW)
        case Event.COMPLETE_REPORT:
            transitions.complete_report(enrollment, target, fetched_at=NOW, now=NOW, due_on=None)
        case Event.POSTPONE_UNPARSED:
            transitions.postpone_unparsed(enrollment, fetched_at=NOW, due_on=None)
        case Event.LOSE_DETAILS:
            transitions.lose_details(enrollment, now=NOW)
        case Event.STOP_SCHEDULE:
            transitions.stop_schedule(enrollment)
        case Event.DELETE_SSN:
            transitions.delete_ssn(enrollment)
        case Event.WITHDRAW_CONSENT:
            transitions.withdraw(enrollment, now=NOW)


def list_targets(event):
    """The targets to call ``apply`` with; [None] for an event that decides its status itself."""
    return sorted(TRANSITIONS[event].targets) if event in {Event.FAIL_PULL, Event.COMPLETE_REPORT} else [None]


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("status", sorted(STORED))
@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_it_moves_to_an_allowed_status_or_refuses_the_event(event, status, is_withdrawn):
    transition = TRANSITIONS[event]
    for target in list_targets(event):
        enrollment = make_enrollment(status, is_withdrawn=is_withdrawn)
        if status in transition.sources and (transition.while_withdrawn or not is_withdrawn):
            apply(event, enrollment, target)
            assert enrollment.status in (transition.targets or {status})
            assert target in (None, enrollment.status)
        else:
            before = vars(enrollment).copy()
            with pytest.raises(IllegalTransition):
                apply(event, enrollment, target)
            assert vars(enrollment) == before


@pytest.mark.parametrize("status", sorted(STORED - frozenset(FAILURES)))
def test_it_refuses_a_failure_with_a_status_that_is_no_failure(status):
    with pytest.raises(IllegalTransition):
        apply(Event.FAIL_PULL, make_enrollment(EnrollmentStatus.PULLING), status)


def test_it_handles_every_event_and_reaches_every_status():
    assert set(TRANSITIONS) == set(Event)
    reached = frozenset().union(*(transition.targets or frozenset() for transition in TRANSITIONS.values()))
    assert reached == STORED


def test_it_keeps_the_rejected_field_only_while_the_details_are_refused():
    enrollment = make_enrollment(EnrollmentStatus.PULLING)
    decision = FailureDecision(EnrollmentStatus.DETAILS_REFUSED, cooldown=timedelta(minutes=15))
    transitions.fail_pull(enrollment, decision, at=NOW, now=NOW, due_on=None, rejected_field="last_name")
    assert enrollment.rejected_field == "last_name"
    apply(Event.CHANGE_DETAILS, enrollment, None)
    assert (enrollment.status, enrollment.rejected_field) == (EnrollmentStatus.NOT_PULLED, "")


# --- Random event sequences ---------------------------------------------------------------------------------


class RandomEvents(RuleBasedStateMachine):
    """An enrollment through random sequences of the events that its status allows, at later and later times."""

    def __init__(self) -> None:
        super().__init__()
        self.enrollment = Enrollment(owner_id=OWNER, pull_day=31)
        self.now = NOW

    def is_allowed(self, event):
        transition = TRANSITIONS[event]
        is_withdrawn = self.enrollment.withdrawn_at is not None
        return self.enrollment.status in transition.sources and (transition.while_withdrawn or not is_withdrawn)

    @rule(minutes=st.integers(1, 60 * 24 * 400))
    def wait(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(ssn=st.sampled_from([None, "666011001"]))
    def change_details(self, ssn):
        transitions.change_details(self.enrollment, identity="{}", ssn=ssn, consent_id=UUID(int=1), now=self.now)

    @precondition(lambda self: self.is_allowed(Event.BEGIN_PULL))
    @rule()
    def begin_pull(self):
        transitions.begin_pull(self.enrollment, now=self.now)

    @rule()
    def abandon_pull(self):
        transitions.abandon_pull(self.enrollment, now=self.now)

    @rule(
        status=st.sampled_from(FAILURES),
        minutes=st.integers(0, 400),
        retries=st.booleans(),
        rejected_field=st.just("suffix"),
    )
    def fail_pull(self, status, minutes, retries, rejected_field):
        delay = timedelta(minutes=minutes)
        retries = retries and status in {EnrollmentStatus.RETRYING, EnrollmentStatus.OUTCOME_UNKNOWN}
        decision = FailureDecision(status, delay, delay if retries else None, monthly=status not in NEEDS_DETAILS)
        transitions.fail_pull(
            self.enrollment, decision, at=self.now, now=self.now, due_on=date(2027, 1, 5), rejected_field=rejected_field
        )

    @precondition(lambda self: self.is_allowed(Event.STORE_RAW_REPORT))
    @rule()
    def store_raw_report(self):
        transitions.store_raw_report(self.enrollment, fetched_at=self.now, now=self.now)

    @rule(status=st.sampled_from(ReportStatus))
    def complete_report(self, status):
        transitions.complete_report(self.enrollment, status, fetched_at=self.now, now=self.now, due_on=None)

    @precondition(lambda self: self.is_allowed(Event.POSTPONE_UNPARSED))
    @rule()
    def postpone_unparsed(self):
        transitions.postpone_unparsed(self.enrollment, fetched_at=self.now, due_on=None)

    @rule()
    def lose_details(self):
        transitions.lose_details(self.enrollment, now=self.now)

    @rule()
    def stop_schedule(self):
        transitions.stop_schedule(self.enrollment)

    @rule()
    def delete_ssn(self):
        transitions.delete_ssn(self.enrollment)

    @precondition(lambda self: self.is_allowed(Event.WITHDRAW_CONSENT))
    @rule()
    def withdraw(self):
        transitions.withdraw(self.enrollment, now=self.now)

    @invariant()
    def is_in_a_stored_status(self):
        assert self.enrollment.status in STORED

    @invariant()
    def satisfies_the_constraints_of_the_database(self):
        enrollment = self.enrollment
        if enrollment.withdrawn_at is not None:
            assert (enrollment.identity, enrollment.ssn, enrollment.next_pull_at) == (None, None, None)
        if enrollment.status in NEEDS_DETAILS:
            assert enrollment.next_pull_at is None
        if enrollment.status in {EnrollmentStatus.READY, EnrollmentStatus.MISMATCH}:
            assert enrollment.succeeded_at is not None
        assert enrollment.rejected_field == "" or enrollment.status == EnrollmentStatus.DETAILS_REFUSED
        assert enrollment.unknown_outcomes <= enrollment.failures
        assert 1 <= enrollment.pull_day <= 31


TestRandomEvents = RandomEvents.TestCase


@given(minutes=st.integers(0, 60 * 24 * 40))
def test_it_never_schedules_a_pull_before_one_is_allowed(minutes):
    enrollment = make_enrollment(EnrollmentStatus.UNPARSED)
    fetched_at = NOW + timedelta(minutes=minutes)
    transitions.store_raw_report(enrollment, fetched_at=fetched_at, now=fetched_at)
    transitions.complete_report(enrollment, ReportStatus.READY, fetched_at=fetched_at, now=fetched_at, due_on=None)
    assert (
        enrollment.next_pull_at >= enrollment.eligible_at == fetched_at + timedelta(days=settings.CREDIT_REFRESH_DAYS)
    )


# --- No assignments elsewhere -------------------------------------------------------------------------------


def find_assignments(source):
    """Yield (attribute, line number) of every assignment to a stored attribute of an enrollment in a source."""
    for node in ast.walk(ast.parse(source)):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        parts = [part for target in targets for part in getattr(target, "elts", [target])]
        for part in parts:
            is_attribute = isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name)
            if is_attribute and part.value.id in ENROLLMENT_NAMES and part.attr in STORED_ATTRIBUTES:
                yield part.attr, part.lineno


def test_it_is_the_only_module_that_assigns_stored_attributes():
    root = Path(settings.BASE_DIR)
    sources = [path for path in (root / "credit").rglob("*.py") if "tests" not in path.parts]
    state_machine = root / "credit" / "enrollment" / "transitions.py"
    assert len(list(find_assignments(state_machine.read_text()))) > len(Event)
    assignments = {path.name: list(find_assignments(path.read_text())) for path in sources if path != state_machine}
    assert not any(assignments.values()), assignments


def test_it_covers_every_column_of_an_enrollment():
    columns = {field.attname for field in Enrollment._meta.get_fields()}
    assert columns - {"id", "owner_id"} == STORED_ATTRIBUTES
