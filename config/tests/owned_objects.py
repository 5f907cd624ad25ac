"""One of each kind of object that a URL can name, all owned by Alice."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import RequestFactory
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import Notification, User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from accounts.tests.passkeys import add_passkey
from banking.categorization import rule_runs, rules
from banking.categorization.rules import RuleValues
from banking.linking.sessions import open_link
from banking.models import Account, Item, LinkSession, RuleRun, Transaction
from banking.notification_messages import ConnectionLostMessage, LostAccess
from banking.tests.factories import make_account, make_balance, make_stream, make_transaction
from compliance.audit.request_details import request_details
from compliance.consent import Purpose, grant
from compliance.consent.legal_texts import current_consent_text, current_version
from compliance.export.data_export import DataExport, ExportState
from compliance.isolation import tenant
from config.tests.routes import list_routes
from credit.tests.experian_samples import parse_sample
from credit.tests.factories import store_report
from credit.tests.report_pairs import CARD_KEY
from insights.tests.factories import make_check

FIXED_ARGUMENTS: dict[str, list[object]] = {
    "unlock": ["forged"],
    "cancel_deletion_by_link": ["forged"],
    "legal_text": ["terms", current_version("terms").version],
    "change_consent": ["marketing"],
    "account_reset_password_from_key": ["1", "set-password"],
    "change_retention": ["transactions"],
    "sandbox": ["link/v2/stable/link-initialize.js"],
    "admin:app_list": ["accounts"],
    "admin:config_policyviolation_change": [1],
    "send_export": [UUID(int=1), "forged"],
}
# Values in Alice's rows that no response may contain, not even one to her.
CANARIES = {
    "access_token": "access-sandbox-canary",
    "provider_item_id": "canary-item-id",
    "cursor": "canary-cursor",
    "lease_holder": UUID(int=0xCA4A51),
}


@dataclass(frozen=True)
class OwnedObjects:
    """One of each kind of object that a URL can name."""

    item: Item
    account: Account
    transaction: Transaction
    rule_run: RuleRun
    session: LinkSession
    user_session: UserSession
    passkey: Authenticator
    notification: Notification
    report_id: UUID
    event_id: UUID
    export: DataExport

    def get_arguments(self, name: str) -> list[object]:
        """The URL arguments of a route. Raises ``NoReverseMatch`` for a route without values here."""
        if name in FIXED_ARGUMENTS:
            return FIXED_ARGUMENTS[name]
        ids = {
            "user_id": self.item.owner_id,
            "item_id": self.item.pk,
            "account_id": self.account.pk,
            "transaction_id": self.transaction.pk,
            "other_id": self.transaction.pk,
            "rule_id": self.rule_run.rule_id,
            "run_id": self.rule_run.pk,
            "session_id": self.session.pk,
            "user_session_id": self.user_session.pk,
            "notification_id": self.notification.pk,
            "report_id": self.report_id,
            "event_id": self.event_id,
            "export_id": self.export.pk,
            "key": CARD_KEY,
            "mfa_edit_webauthn": self.passkey.pk,
            "mfa_remove_webauthn": self.passkey.pk,
            "admin:accounts_user_change": self.item.owner_id,
            "admin:banking_item_change": self.item.pk,
        }
        if name in ids:
            return [ids[name]]
        converters = next(route for route in list_routes() if route.name == name).pattern.pattern.converters
        if unknown := set(converters) - set(ids):
            raise NoReverseMatch(f"Add a value for {unknown} of {name!r} to this test.")
        return [ids[converter] for converter in converters]


def make_owned_objects(alice: User, make_item: Callable[..., Item]) -> OwnedObjects:
    """Create the objects for Alice. Needs a scripted provider."""
    item = make_item(alice, leased_until=timezone.now())
    with tenant(alice.pk):
        for name, value in CANARIES.items():
            setattr(item, name, value)
        item.save()
    account = make_account(item, provider_id="canary-account", persistent_id="canary-persistent")
    transaction = make_transaction(account, "-4.33", provider_id="canary-transaction", pending_id="canary-pending")
    rule = rules.create_rule(user=alice, values=RuleValues(name_part="starbucks", category="TRAVEL", tags=("Coffee",)))
    rule_run = rule_runs.apply_rule(user=alice, rule_id=rule.pk)
    for days in range(3):
        make_balance(account, days, "100")
    make_stream(account, "-9.99", provider_id="canary-stream-id")
    user_session = UserSession.objects.create(user=alice, ip="192.0.2.7", user_agent="Firefox", session_key="p" * 32)
    notify(
        user_id=alice.pk,
        type=NotificationType.BANK_RECONNECT,
        message=ConnectionLostMessage(
            state=LostAccess.REAUTH, bank="Alice's bank", provider=item.provider, error_code="ITEM_LOGIN_REQUIRED"
        ),
        url="/overview/",
        fingerprint="1",
    )
    with tenant(alice.pk):
        notification = Notification.objects.get()
    with request_details(RequestFactory().get("/", REMOTE_ADDR="192.0.2.8", HTTP_USER_AGENT="Firefox")):
        consent = grant(user=alice, consent_text=current_consent_text(Purpose.MARKETING))
    report_id = store_report(alice, parse_sample())
    with tenant(alice.pk):
        make_check(account)
        export = DataExport.objects.create(
            owner=alice,
            state=ExportState.READY,
            file_key="canary-file-key",
            size=1,
            finished_at=timezone.now(),
            expires_at=timezone.now() + timedelta(days=7),
        )
    return OwnedObjects(
        item,
        account,
        transaction,
        rule_run,
        open_link(user=alice).session,
        user_session,
        add_passkey(alice),
        notification,
        report_id,
        consent.pk,
        export,
    )


def get_url(name: str, objects: OwnedObjects) -> str:
    return reverse(name, args=objects.get_arguments(name))
