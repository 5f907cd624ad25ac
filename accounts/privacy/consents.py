"""Everything a user was asked to agree to: what it is for, its state, its history, and what withdrawing does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.agreements.required_texts import OPTIONAL
from accounts.users.models import User
from compliance.consent import ConsentEvent, Purpose, grant, list_consent_events, lock_active_consent
from compliance.consent.legal_texts import LegalText, current_consent_text, list_versions
from compliance.consent.signed_texts import find_signed_version
from compliance.isolation import tenant

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class ConsentState(StrEnum):
    """What a user's last event about a purpose means now."""

    ACTIVE = "active"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    NONE = "none"


class PurposeDescription(NamedTuple):
    """The sentences about a purpose: its name, what it is for, and what happens when the user withdraws."""

    title: "StrOrPromise"
    use: "StrOrPromise"
    effect: "StrOrPromise"


class ConsentLink(NamedTuple):
    """A page about a purpose, by the name of its URL."""

    url_name: str
    label: "StrOrPromise"


DESCRIPTIONS: Final[Mapping[Purpose, PurposeDescription]] = {
    Purpose.TERMS: PurposeDescription(
        _("Terms of service"),
        _("The agreement under which you use this site."),
        _("You can't withdraw this and keep using the site. To end it, delete your account."),
    ),
    Purpose.PRIVACY_NOTICE: PurposeDescription(
        _("Privacy notice"),
        _("What we collect, who receives it, and how long we keep it."),
        _("You can't withdraw this and keep using the site. To end it, delete your account."),
    ),
    Purpose.BANK_DATA: PurposeDescription(
        _("Bank data"),
        _("Importing the accounts that you choose at your banks."),
        _(
            "If you withdraw, we disconnect all your banks and stop syncing. You choose whether we keep or delete the "
            "history."
        ),
    ),
    Purpose.CREDIT_REPORT: PurposeDescription(
        _("Credit reports"),
        _("Requesting your own credit report and scores from Experian."),
        _("If you withdraw, we request no more reports, and delete the details that you gave us to request them."),
    ),
    Purpose.MARKETING: PurposeDescription(
        _("Marketing email"),
        _("Email about new features. Nothing uses this yet: we send no such email today."),
        _("If you withdraw, it ends at once."),
    ),
    Purpose.ANALYTICS: PurposeDescription(
        _("Analytics"),
        _("Analyzing how you use this site. Nothing uses this yet: there are no analytics today."),
        _("If you withdraw, it ends at once."),
    ),
    Purpose.DO_NOT_SELL: PurposeDescription(
        _("Do not sell or share"),
        _("Your opt-out from selling and sharing your personal information. We do neither."),
        _("You can take your opt-out back at any time. We still sell and share nothing."),
    ),
}
UNTIL_AGREED: Final = _(
    "This text has changed. Until you agree to the new version, the version that you agreed to applies."
)
# What applies while a consent is active to an earlier version. All others have to be renewed before any page opens.
CHANGED: Final[Mapping[str, "StrOrPromise"]] = {
    Purpose.MARKETING: UNTIL_AGREED,
    Purpose.ANALYTICS: UNTIL_AGREED,
    Purpose.BANK_DATA: _(
        "This text has changed. Your banks keep syncing under the version that you agreed to. We ask you to agree to "
        "the new version before you connect or reconnect a bank."
    ),
    Purpose.CREDIT_REPORT: _(
        "This text has changed. We request no more credit reports until you sign the new version."
    ),
    Purpose.DO_NOT_SELL: _("This text has changed. Your opt-out stays in force."),
}
# The pages on which users give and withdraw consents that need more than a button.
GIVING: Final[Mapping[Purpose, ConsentLink]] = {
    Purpose.BANK_DATA: ConsentLink("connect", _("Connect a bank")),
    Purpose.CREDIT_REPORT: ConsentLink("credit_start", _("Review the authorization")),
    Purpose.DO_NOT_SELL: ConsentLink("do_not_sell", _("Opt out")),
}
WITHDRAWING: Final[Mapping[Purpose, ConsentLink]] = {
    Purpose.BANK_DATA: ConsentLink("withdraw_bank_data", _("Withdraw bank data consent")),
    Purpose.CREDIT_REPORT: ConsentLink("credit_withdraw", _("Withdraw authorization")),
    Purpose.DO_NOT_SELL: ConsentLink("do_not_sell", _("Change your opt-out")),
}


@dataclass(frozen=True)
class PurposeConsent:
    """One purpose as the consents page shows it. ``history`` has the newest event first."""

    purpose: Purpose
    description: PurposeDescription
    state: ConsentState
    history: tuple[ConsentEvent, ...]

    @property
    def is_active(self) -> bool:
        return self.state is ConsentState.ACTIVE

    @property
    def last_event(self) -> ConsentEvent | None:
        return next(iter(self.history), None)

    @property
    def has_button(self) -> bool:
        """Whether the user gives and withdraws this consent by a button on the page itself."""
        return self.purpose in OPTIONAL

    @property
    def links(self) -> tuple[ConsentLink, ...]:
        """The pages on which the user changes this consent."""
        pages = [GIVING] if not self.is_active else [GIVING, WITHDRAWING] if self.is_outdated else [WITHDRAWING]
        # One page may serve for both.
        links = {link.url_name: link for page in pages if (link := page.get(self.purpose))}
        return tuple(links.values())

    @property
    def text(self) -> LegalText | None:
        """The published text in force; none for a text that is signed on a page of its own."""
        return next(iter(list_versions(self.purpose)), None)

    @property
    def is_outdated(self) -> bool:
        """Whether the consent is active, but to another version than the one in force."""
        version = find_signed_version(self.purpose) if self.text is None else self.text.version
        return self.is_active and self.history[0].version != version

    @property
    def change_notice(self) -> "StrOrPromise":
        """What a changed text means for the user; empty while the one they agreed to is in force."""
        return CHANGED.get(self.purpose, "") if self.is_outdated else ""


def list_consents(user: User) -> list[PurposeConsent]:
    """Return the consents of a user for every purpose that this site has, given or not. One query."""
    histories: dict[str, list[ConsentEvent]] = {}
    for event in list_consent_events(user_id=user.pk, with_text=False):
        histories.setdefault(event.purpose, []).append(event)
    offered = set(Purpose) if settings.CREDIT_ENV != "off" else set(Purpose) - {Purpose.CREDIT_REPORT}
    now = timezone.now()
    return [
        PurposeConsent(purpose, description, read_state(history, now), history)
        for purpose, description in DESCRIPTIONS.items()
        if (history := tuple(histories.get(purpose, ()))) or purpose in offered
    ]


def read_state(history: tuple[ConsentEvent, ...], now: datetime) -> ConsentState:
    """Return the state that the newest event leaves."""
    if not history:
        return ConsentState.NONE
    if history[0].is_active(now):
        return ConsentState.ACTIVE
    is_withdrawal = history[0].kind == ConsentEvent.Kind.WITHDRAWN
    return ConsentState.WITHDRAWN if is_withdrawal else ConsentState.EXPIRED


def find_consent(user: User, event_id: UUID) -> ConsentEvent | None:
    """Return one consent of a user with its text. None for a withdrawal, and for another user's."""
    events = ConsentEvent.objects.filter(owner=user.pk, kind=ConsentEvent.Kind.GRANTED)
    return events.filter(pk=event_id).first()


def give_optional_consent(*, user: User, purpose: Purpose) -> None:
    """Record that a user agrees to the current text of a purpose on which nothing depends. Nothing if they have."""
    consent_text = current_consent_text(purpose)
    with tenant(user.pk):
        active = lock_active_consent(user_id=user.pk, purpose=purpose)
        if active is None or active.version != consent_text.version:
            grant(user=user, consent_text=consent_text)
