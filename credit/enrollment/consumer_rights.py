"""A user's rights, consents, pulls and retention rules, for the page of credit rights."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from django.utils import timezone

from accounts.models import User
from compliance.consent import ConsentEvent, Purpose, list_consent_events
from credit.analysis.bands import PROVIDERS
from credit.models import AttemptStatus, PullAttempt, Trigger
from credit.presentation.status_messages import ANNUAL_REPORT, EXPERIAN_DISPUTES, EXPERIAN_FREEZE, MessageLink

ATTEMPTS_SHOWN: Final = 50


class Right(NamedTuple):
    """A consumer right, and the official pages where it is exercised."""

    title: str
    text: str
    links: tuple[MessageLink, ...]


class RetentionRule(NamedTuple):
    """A kind of data, and when it is deleted."""

    what: str
    how_long: str


RIGHTS: Final = (
    Right(
        "See your whole file",
        "By federal law the three nationwide bureaus give you your file free of charge. This is the one official "
        "place to ask for it; they need no payment card.",
        (ANNUAL_REPORT,),
    ),
    Right(
        "Have a mistake corrected",
        "A bureau has to look into what you dispute, in most cases within 30 days, free of charge. Plumbline shows "
        "what the bureau sends and cannot change it. Write to the bureau whose file is wrong, and to the company "
        "that reported it.",
        (
            EXPERIAN_DISPUTES,
            MessageLink(
                "Corrections at Equifax", "https://www.equifax.com/personal/credit-report-services/credit-dispute/"
            ),
            MessageLink("Corrections at TransUnion", "https://www.transunion.com/credit-disputes/dispute-your-credit"),
        ),
    ),
    Right(
        "Freeze your file",
        "A freeze keeps new lenders from reading your file, until you lift it. Setting it up and lifting it are free "
        "by law, at each bureau separately. While your file is frozen at Experian, Plumbline cannot read it either.",
        (
            EXPERIAN_FREEZE,
            MessageLink("Freezes at Equifax", "https://www.equifax.com/personal/credit-report-services/credit-freeze/"),
            MessageLink("Freezes at TransUnion", "https://www.transunion.com/credit-freeze"),
        ),
    ),
    Right(
        "Report identity theft",
        "If somebody uses your name, the Federal Trade Commission leads you through what to do.",
        (MessageLink("IdentityTheft.gov", "https://www.identitytheft.gov/"),),
    ),
    Right(
        "Complain, and read the law",
        "The Consumer Financial Protection Bureau takes complaints about bureaus, and publishes the summary of your "
        "rights under the Fair Credit Reporting Act.",
        (
            MessageLink("File a complaint", "https://www.consumerfinance.gov/complaint/"),
            MessageLink("Summary of your rights", "https://www.consumerfinance.gov/learnmore/"),
        ),
    ),
)
RETENTION_RULES: Final = (
    RetentionRule("Your reports, as Experian sent them", "Encrypted, until your account is deleted"),
    RetentionRule(
        "What was read from them, for these pages",
        "Encrypted, until your account is deleted; dates, scores and the alerts about changes are not encrypted",
    ),
    RetentionRule("Name, address, birth date and last four digits, to ask with", "Encrypted, until you withdraw"),
    RetentionRule(
        "Your whole Social Security number",
        "Not kept, unless you chose so; then encrypted, until you withdraw or stay away for 90 days",
    ),
    RetentionRule(
        "What you signed and withdrew, and when Plumbline asked", "As evidence, also after your account is deleted"
    ),
)


@dataclass(frozen=True, slots=True)
class SignedConsent:
    """A consent that was granted or withdrawn. ``until`` is the last day on which it is or would have been valid."""

    what: str
    at: datetime
    version: str
    sha256: str
    text: str
    until: date | None


@dataclass(frozen=True, slots=True)
class PullRecord:
    """One call of the bureau: its outcome, its trigger, and the reference that the bureau knows."""

    what: str
    how: str
    at: datetime
    reference: str


def list_consents(user: User) -> list[SignedConsent]:
    """List a user's credit report consents and withdrawals, newest first."""
    return [_signed_consent(event) for event in list_consent_events(person_id=user.pk, purpose=Purpose.CREDIT_REPORT)]


def _signed_consent(event: ConsentEvent) -> SignedConsent:
    given = event.kind == ConsentEvent.Kind.GRANTED
    return SignedConsent(
        what="Signed" if given else "Withdrawn",
        at=event.at,
        version=event.version,
        sha256=event.sha256,
        text=event.text,
        until=timezone.localtime(event.expires_at).date() if event.expires_at else None,
    )


OUTCOME_LABELS: Final = {
    AttemptStatus.PENDING: "is being asked",
    AttemptStatus.MADE: "sent a report",
    AttemptStatus.NOT_MADE: "sent no report",
    AttemptStatus.UNKNOWN: "was asked, and the line broke",
}
TRIGGER_LABELS: Final = {
    Trigger.USER: "You asked",
    Trigger.SCHEDULED: "The monthly refresh",
    Trigger.DEMO: "Made with the sample person",
}


def list_pulls(user: User) -> list[PullRecord]:
    """List the last calls of the bureau about a user, newest first."""
    attempts = PullAttempt.objects.for_user(user).order_by("-started_at")[:ATTEMPTS_SHOWN]
    return [_pull_record(attempt) for attempt in attempts]


def _pull_record(attempt: PullAttempt) -> PullRecord:
    bureau = PROVIDERS.get(attempt.provider, attempt.provider)
    return PullRecord(
        what=f"{bureau} {OUTCOME_LABELS[AttemptStatus(attempt.status)]}",
        how=TRIGGER_LABELS[Trigger(attempt.trigger)],
        at=attempt.started_at,
        reference=attempt.reference_id,
    )
