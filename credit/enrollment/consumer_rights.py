"""A user's rights, consents, pulls and retention rules, for the page of credit rights."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from compliance.consent import ConsentEvent, Purpose, list_consent_events
from compliance.retention.models import RetentionSetting
from credit.analysis.bands import PROVIDERS
from credit.enrollment.retention_rule import FIXED_RULES, RAW_REPORTS
from credit.models import AttemptStatus, PullAttempt, Trigger
from credit.presentation.status_messages import ANNUAL_REPORT, EXPERIAN_DISPUTES, EXPERIAN_FREEZE, MessageLink

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ATTEMPTS_SHOWN: Final = 50


class Right(NamedTuple):
    """A consumer right, and the official pages where it is exercised."""

    title: "StrOrPromise"
    text: "StrOrPromise"
    links: tuple[MessageLink, ...]


class RetentionFact(NamedTuple):
    """A kind of data, and when it is deleted."""

    what: "StrOrPromise"
    how_long: "StrOrPromise"


RIGHTS: Final = (
    Right(
        _("Get your full report"),
        _(
            "Federal law entitles you to free credit reports from the three nationwide bureaus. This is the official "
            "site to request them. It doesn't ask for a payment card."
        ),
        (ANNUAL_REPORT,),
    ),
    Right(
        _("Dispute a mistake"),
        _(
            "A bureau has to investigate what you dispute, usually within 30 days, for free. We show what the bureau "
            "sends and can't change it. You can dispute it with the bureau and with the company that reported it."
        ),
        (
            EXPERIAN_DISPUTES,
            MessageLink(
                _("Dispute at Equifax"), "https://www.equifax.com/personal/credit-report-services/credit-dispute/"
            ),
            MessageLink(_("Dispute at TransUnion"), "https://www.transunion.com/credit-disputes/dispute-your-credit"),
        ),
    ),
    Right(
        _("Freeze your credit file"),
        _(
            "A freeze keeps new lenders from viewing your file until you lift it. Placing and lifting it are free by "
            "law, at each bureau separately. While your file is frozen at Experian, we can't get your report either."
        ),
        (
            EXPERIAN_FREEZE,
            MessageLink(
                _("Freeze at Equifax"), "https://www.equifax.com/personal/credit-report-services/credit-freeze/"
            ),
            MessageLink(_("Freeze at TransUnion"), "https://www.transunion.com/credit-freeze"),
        ),
    ),
    Right(
        _("Report identity theft"),
        _("If someone uses your identity, the Federal Trade Commission guides you through what to do."),
        (MessageLink(_("IdentityTheft.gov"), "https://www.identitytheft.gov/"),),
    ),
    Right(
        _("File a complaint"),
        _(
            "The Consumer Financial Protection Bureau takes complaints about bureaus. It also publishes a summary of "
            "your rights under the Fair Credit Reporting Act."
        ),
        (
            MessageLink(_("Submit a complaint to the CFPB"), "https://www.consumerfinance.gov/complaint/"),
            MessageLink(_("Summary of your rights"), "https://www.consumerfinance.gov/learnmore/"),
        ),
    ),
)
DETAILS_FACTS: Final = (
    RetentionFact(
        _("Name, address, date of birth and last four digits, to request reports"), _("Encrypted, until you withdraw")
    ),
    RetentionFact(
        _("Full Social Security number, to request reports"),
        _(
            "Saved only if you choose to. Then encrypted, until you withdraw, your authorization expires, or you don't "
            "sign in for 90 days"
        ),
    ),
    RetentionFact(
        _("What you signed, and when you withdrew"),
        _("As evidence, with no end date"),
    ),
)


def list_retention_facts(user: User) -> list[RetentionFact]:
    """List what is kept about a user's credit, and for how long; the rules come first."""
    setting = RetentionSetting.for_owner(user.pk, RAW_REPORTS)
    now = timezone.now()
    values = {
        "period": _describe_period(setting.days_in_effect(now)),
        "next_period": _describe_period(setting.days_to_retain),
    }
    if setting.is_waiting(now):
        period = gettext(
            "%(period)s; 7 days after we email you about it: %(next_period)s. Encrypted. They can contain your Social "
            "Security number."
        )
    else:
        period = gettext("%(period)s. Encrypted. They can contain your Social Security number.")
    fixed = [RetentionFact(rule.label, rule.how_long) for rule in FIXED_RULES]
    return [RetentionFact(RAW_REPORTS.label, period % values), *fixed, *DETAILS_FACTS]


def _describe_period(days: int | None) -> "StrOrPromise":
    return RAW_REPORTS.label_for(days) if days != 0 else gettext("Up to a day after we prepared them for our pages")


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
    return [_signed_consent(event) for event in list_consent_events(user_id=user.pk, purpose=Purpose.CREDIT_REPORT)]


def _signed_consent(event: ConsentEvent) -> SignedConsent:
    is_granted = event.kind == ConsentEvent.Kind.GRANTED
    return SignedConsent(
        what=gettext("Signed") if is_granted else gettext("Withdrawn"),
        at=event.at,
        version=event.version,
        sha256=event.sha256,
        text=event.text,
        until=timezone.localtime(event.expires_at).date() if event.expires_at else None,
    )


OUTCOME_LABELS: Final = {
    AttemptStatus.PENDING: _("%(bureau)s: waiting for a response"),
    AttemptStatus.MADE: _("%(bureau)s: report received"),
    AttemptStatus.NOT_MADE: _("%(bureau)s: no report made"),
    AttemptStatus.UNKNOWN: _("%(bureau)s: no response received"),
}
TRIGGER_LABELS: Final = {
    Trigger.USER: _("Requested by you"),
    Trigger.SCHEDULED: _("Monthly request"),
    Trigger.DEMO: _("Created with sample data"),
}


def list_pulls(user: User) -> list[PullRecord]:
    """List the last calls of the bureau about a user, newest first."""
    attempts = PullAttempt.objects.for_user(user).order_by("-started_at")[:ATTEMPTS_SHOWN]
    return [_pull_record(attempt) for attempt in attempts]


def _pull_record(attempt: PullAttempt) -> PullRecord:
    bureau = PROVIDERS.get(attempt.provider, attempt.provider)
    return PullRecord(
        what=OUTCOME_LABELS[AttemptStatus(attempt.status)] % {"bureau": bureau},
        how=str(TRIGGER_LABELS[Trigger(attempt.trigger)]),
        at=attempt.started_at,
        reference=attempt.reference_id,
    )
