"""Create the demo login with data, by the steps of a real user: agree, link, exchange, sync; sign, enroll, pull."""

import time
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.agreements import required_texts
from accounts.models import User
from banking.linking import data_consent
from banking.linking.errors import LinkError
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Item
from banking.provider import ProviderError, Readiness
from banking.providers import DEFAULT_PROVIDER, provider_for
from banking.retention.first_choice import choose_first_period
from banking.sync import sync_item
from compliance import consent
from compliance.isolation import tenant
from config.local_sandbox.applicant import demo_applicant
from config.local_sandbox.link_dialog import SandboxAway, public_token
from credit.enrollment import authorization, lifecycle
from credit.enrollment.status import get_overview
from credit.models import Trigger
from credit.provider import BureauError
from credit.pulls import pulling
from credit.statuses import EnrollmentStatus

EMAIL = "demo@plumbline.example"
PASSWORD = "plumbline-demo-login"  # noqa: S105  (printed by `make run`; refused outside embedded mode)
BANKS = (("ins_109508", "user_living"),)
TIMEOUT_SECONDS = 120


class Command(BaseCommand):
    help = "Make the demo login, link a bank of the local sandbox to it, and ask the sandbox's bureau for its report."

    def handle(self, **options: Any) -> None:
        """Create the user if there is none, and link the banks that are not linked yet."""
        if settings.PLAID_ENV != "embedded":
            raise CommandError("The demo login exists only with the embedded sandbox (PLAID_ENV=embedded).")
        user = demo_user()
        for institution_id, persona in BANKS[len(items(user)) :]:
            link(user, institution_id, persona)
        for item in items(user):
            self.import_all(item)
        if settings.CREDIT_ENV == "embedded":
            pull_report(user)
        self.stdout.write(f"{EMAIL} {PASSWORD}")

    def import_all(self, item: Item) -> None:
        """Sync until the history is complete, as a worker does."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while item.readiness != Readiness.HISTORICAL:
            if time.monotonic() > deadline:
                raise CommandError("The demo bank's history did not arrive. Is the sandbox running?")
            sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="demo")
            time.sleep(0.5)
            with tenant(item.owner_id):
                item.refresh_from_db()


def items(user: User) -> list[Item]:
    with tenant(user.pk):
        return list(Item.objects.for_user(user).visible().order_by("connected_at"))


def demo_user() -> User:
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        user = User.objects.create_user(EMAIL, PASSWORD, first_name="Demo", last_name="Person")
        EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
    required_texts.agree(user=user, missing=required_texts.list_missing(user_id=user.pk), method="demo")
    return user


def link(user: User, institution_id: str, persona: str) -> Item:
    """Agree, keep all transactions, open a link session and finish it, as a browser does."""
    data_consent.agree(user=user, provider=provider_for(DEFAULT_PROVIDER), method="demo")
    choose_first_period(user=user, days=None)
    try:
        opened = open_link(user=user)
        return finish_link(
            user=user,
            session_id=opened.session.pk,
            public_token=public_token(link_token=opened.token.value, institution_id=institution_id, persona=persona),
            metadata=LinkMetadata(institution_id=institution_id, institution_name="", accounts=frozenset()),
        )
    except (LinkError, ProviderError, SandboxAway) as error:
        raise CommandError(str(error)) from None


def pull_report(user: User) -> None:
    """Sign the authorization, enroll with the details of a persona, and pull the report."""
    overview = get_overview(owner=user.pk)
    if overview.status is EnrollmentStatus.NO_CONSENT and overview.succeeded_at is None:
        name = f"{demo_applicant().first_name} {demo_applicant().last_name}"
        signed = consent.grant(
            user=user,
            consent_text=authorization.consent_text(),
            signature=name,
            scope=dict(authorization.SCOPE),
            valid_for=authorization.VALID_FOR,
            method="demo",
        )
        lifecycle.enroll(user=user, applicant=demo_applicant(), keep_ssn=True, consent_id=signed.pk)
    elif overview.status is not EnrollmentStatus.NOT_PULLED:
        return
    try:
        pulling.pull(owner_id=user.pk, trigger=Trigger.DEMO)
    except BureauError as error:
        raise CommandError(str(error)) from None
