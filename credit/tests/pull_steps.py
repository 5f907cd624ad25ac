"""Enroll users, pull reports, and move the clocks of the site and of the sandbox's bureau together."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import time_machine
from django.db import connection

from compliance import consent
from compliance.isolation import tenant
from credit.enrollment import authorization, lifecycle
from credit.enrollment.status import get_overview
from credit.models import Enrollment, PullAttempt, RawReport, Report, Trigger
from credit.pulls import pulling
from credit.tests.sandbox_bureau import Bureau, make_applicant


def give_consent(user, *, valid_for=authorization.VALID_FOR):
    """Consent to the current text of the authorization."""
    return consent.grant(
        user=user, consent_text=authorization.consent_text(), signature="A Person", scope={}, valid_for=valid_for
    )


def enroll_user(user, persona="P01", *, keep_ssn=True, **changes):
    """Consent, and enroll with the details of a persona of the bureau."""
    applicant = replace(make_applicant(persona), **changes)
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
    """Return the actions in a user's audit trail."""
    with tenant(user.pk), connection.cursor() as cursor:
        cursor.execute("SELECT action FROM audit_event WHERE subject = %s", [user.pk])
        return [action for (action,) in cursor.fetchall()]


def count_raw_and_parsed_reports(user):
    """Return the numbers of raw and of parsed reports of a user."""
    return count(RawReport, user), count(Report, user)


def get_status(user):
    return get_overview(owner=user.pk).status


def list_report_calls(bureau):
    """Return the calls that passed the bureau's gateway, which rejects tokens of earlier tests."""
    return [call for call in bureau.calls() if call["endpoint"] == "report" and call["error"] != "invalid_token"]


@dataclass
class SharedClock:
    """The clocks of the bureau and of the site, which move forward together."""

    bureau: Bureau
    traveller: time_machine.Traveller = field(init=False)

    def advance(self, **time):
        """Move both clocks by a duration."""
        step = timedelta(**time)
        self.bureau.control("clock", {"advance_seconds": int(step.total_seconds())})
        self.traveller.shift(step)

    def advance_to(self, moment):
        """Move both clocks to just after a moment, which must be in the future."""
        self.advance(seconds=(moment - datetime.now(moment.tzinfo)).total_seconds() + 1)


@contextmanager
def travel_with_bureau(bureau):
    """Set the site's clock to the bureau's until the block ends."""
    clock = SharedClock(bureau)
    now = datetime.fromisoformat(bureau.control("clock", method="GET")["now"])
    with time_machine.travel(now, tick=True) as clock.traveller:
        yield clock
