"""People who have signed the instruction, and a site whose clock goes with that of the sandbox's bureau."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import time_machine
from django.db import connection

from compliance import consent
from compliance.isolation import tenant
from credit.enrollment import instruction, lifecycle
from credit.enrollment.status import get_overview
from credit.models import Enrollment, PullAttempt, RawReport, Report, Trigger
from credit.pulls import pulling
from credit.tests.sandbox_bureau import Bureau, person


def give_consent(user, *, valid_for=instruction.VALID_FOR):
    """Sign the instruction as it stands."""
    return consent.grant(
        person=user, consent_text=instruction.consent_text(), signature="A Person", scope={}, valid_for=valid_for
    )


def enroll_user(user, persona="P01", *, keep_ssn=True, **changes):
    """Sign, and give the details of one of the bureau's people."""
    applicant = replace(person(persona), **changes)
    return lifecycle.enroll(user=user, applicant=applicant, keep_ssn=keep_ssn, consent_id=give_consent(user).pk)


def pull(user, trigger=Trigger.USER, **options):
    return pulling.pull(owner_id=user.pk, trigger=trigger, **options)


def get_enrollment(user):
    with tenant(user.pk):
        return Enrollment.objects.get()


def list_attempts(user):
    with tenant(user.pk):
        return list(PullAttempt.objects.order_by("started_at"))


def count(model, user):
    with tenant(user.pk):
        return model.objects.count()


def list_audit_actions(user):
    """What the person's audit trail tells of."""
    with tenant(user.pk), connection.cursor() as cursor:
        cursor.execute("SELECT action FROM audit_event WHERE subject = %s", [user.pk])
        return [action for (action,) in cursor.fetchall()]


def count_answers_and_reports(user):
    """How many answers and how many reports a person has."""
    return count(RawReport, user), count(Report, user)


def current_status(user):
    return get_overview(owner=user.pk).status


def report_calls(bureau):
    """What got past the bureau's gateway, which turns away tokens of an earlier test."""
    return [call for call in bureau.calls() if call["endpoint"] == "report" and call["error"] != "invalid_token"]


@dataclass
class SharedClock:
    """The bureau's clock and ours, which go together and only forward."""

    bureau: Bureau
    traveller: time_machine.Traveller = field(init=False)

    def advance(self, **time):
        """Let some time go by for everybody."""
        step = timedelta(**time)
        self.bureau.control("clock", {"advance_seconds": int(step.total_seconds())})
        self.traveller.shift(step)

    def advance_to(self, moment):
        """Let time go by until a moment, which has to be ahead."""
        self.advance(seconds=(moment - datetime.now(moment.tzinfo)).total_seconds() + 1)


@contextmanager
def travel_with_bureau(bureau):
    """Go with the bureau's clock for as long as the block lasts."""
    kept = SharedClock(bureau)
    now = datetime.fromisoformat(bureau.control("clock", method="GET")["now"])
    with time_machine.travel(now, tick=True) as kept.traveller:
        yield kept
