"""The audit trail in words: actions and their groups, objects, and kinds of data."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from compliance.audit import Action
from compliance.audit.daily_access import DataKind

Label = str | Promise

ACTION_LABELS: Final[dict[Action, Label]] = {
    Action.USER_REGISTERED: _("Account created"),
    Action.USER_LOGIN: _("Signed in"),
    Action.LOGIN_FAILED: _("Sign-in failed"),
    Action.USER_LOGOUT: _("Signed out"),
    Action.EMAIL_CONFIRMED: _("Email address confirmed"),
    Action.PASSWORD_CHANGED: _("Password changed"),
    Action.PASSWORD_RESET: _("Password reset by email link"),
    Action.EMAIL_CHANGED: _("Email address changed"),
    Action.FACTOR_ADDED: _("Two-step verification method added"),
    Action.FACTOR_REMOVED: _("Two-step verification method removed"),
    Action.RECOVERY_CODES_MADE: _("Recovery codes generated"),
    Action.RECOVERY_CODE_USED: _("Recovery code used"),
    Action.PASSKEY_USED: _("Passkey used"),
    Action.IDENTITY_CONFIRMED: _("Identity confirmed for a protected page"),
    Action.SESSION_ENDED: _("Device signed out"),
    Action.LOCKED: _("Password sign-in paused after too many failed attempts"),
    Action.UNLOCKED: _("Unlocked by email link"),
    Action.ACCOUNT_DEACTIVATED: _("Account deactivated"),
    Action.ACCOUNT_REACTIVATED: _("Account activated again"),
    Action.CONNECT: _("Bank connected"),
    Action.DISCONNECT: _("Bank disconnected"),
    Action.TOKEN_EXCHANGE: _("Access to a bank requested"),
    Action.TOKEN_REFRESH: _("Bank reconnected"),
    Action.CREDENTIAL_STORE: _("Secret stored, encrypted"),
    Action.CREDENTIAL_ACCESS: _("Secret decrypted and used"),
    Action.CREDENTIAL_DELETE: _("Secret deleted"),
    Action.ACCOUNT_LIST: _("Bank accounts viewed"),
    Action.TRANSACTION_FETCH: _("Transactions downloaded"),
    Action.SYNC: _("Bank synced"),
    Action.LIABILITIES_READ: _("Card and loan terms updated"),
    Action.RECURRING_READ: _("Recurring payments updated"),
    Action.ACCESS_REVOKED: _("Access to a bank or account found to be withdrawn"),
    Action.ACCOUNT_EDITED: _("Bank account renamed, hidden, or shown"),
    Action.ACCOUNT_REMOVED: _("Bank account removed"),
    Action.ACCOUNT_ADDED_AGAIN: _("Removed bank account added again"),
    Action.TRANSFER_DECIDED: _("Transfer between your accounts joined or separated"),
    Action.TRANSACTION_EDITED: _("Transactions edited"),
    Action.TRANSACTION_SPLIT: _("Transaction split into parts"),
    Action.TRANSACTION_JOINED: _("Parts of a transaction joined again"),
    Action.SPLIT_ADJUSTED: _("Parts of a transaction adjusted after a change at the bank"),
    Action.RULE_CHANGED: _("Transaction rule changed"),
    Action.RULE_APPLIED: _("Transaction rule applied"),
    Action.RULE_UNDONE: _("Transaction rule undone"),
    Action.CONSENT_GRANTED: _("Consent given"),
    Action.CONSENT_WITHDRAWN: _("Consent withdrawn"),
    Action.DIGEST_SENT: _("Alert email sent"),
    Action.CREDIT_PULL: _("Credit report requested"),
    Action.CREDIT_CONFIRMED: _("Credit report confirmed as yours"),
    Action.CREDIT_RAW_VIEWED: _("Original credit report viewed"),
    Action.CREDIT_REBUILD: _("Credit reports read again from their originals"),
    Action.CREDIT_FORGOTTEN: _("Credit reports stopped"),
    Action.DATA_ACCESSED: _("Your data viewed"),
    Action.SECURITY_ALERT: _("Security alert"),
    Action.DATA_EXPORT: _("Data exported"),
    Action.DATA_IMPORT: _("Export restored on this site"),
    Action.RETENTION_CHANGED: _("How long data is kept changed"),
    Action.RETENTION_ANNOUNCED: _("Email about data to delete sent"),
    Action.DATA_PURGED: _("Old data deleted"),
    Action.FIGURE_DIFFERS: _("A figure and the transactions behind it found to differ"),
    Action.DELETION_REQUESTED: _("Account deletion scheduled"),
    Action.DELETION_CANCELED: _("Account deletion canceled"),
    Action.ACCOUNT_DELETED: _("Account deleted"),
    Action.KEY_ROTATION: _("Encryption keys replaced"),
    Action.OPERATOR_VIEW: _("Viewed by an administrator"),
    Action.BREAK_GLASS: _("Access to your data requested by an administrator"),
}

GROUPS: Final[dict[str, tuple[Label, frozenset[Action]]]] = {
    "sign-in": (
        _("Sign-in and security"),
        frozenset({
            Action.USER_REGISTERED, Action.USER_LOGIN, Action.LOGIN_FAILED, Action.USER_LOGOUT, Action.EMAIL_CONFIRMED,
            Action.PASSWORD_CHANGED, Action.PASSWORD_RESET, Action.EMAIL_CHANGED, Action.FACTOR_ADDED,
            Action.FACTOR_REMOVED, Action.RECOVERY_CODES_MADE, Action.RECOVERY_CODE_USED, Action.PASSKEY_USED,
            Action.IDENTITY_CONFIRMED, Action.SESSION_ENDED, Action.LOCKED, Action.UNLOCKED,
            Action.ACCOUNT_DEACTIVATED, Action.ACCOUNT_REACTIVATED, Action.SECURITY_ALERT, Action.KEY_ROTATION,
        }),
    ),
    "banks": (
        _("Banks"),
        frozenset({
            Action.CONNECT, Action.DISCONNECT, Action.TOKEN_EXCHANGE, Action.TOKEN_REFRESH, Action.CREDENTIAL_STORE,
            Action.CREDENTIAL_ACCESS, Action.CREDENTIAL_DELETE, Action.SYNC, Action.FIGURE_DIFFERS,
            Action.TRANSFER_DECIDED, Action.LIABILITIES_READ, Action.RECURRING_READ, Action.ACCESS_REVOKED,
            Action.ACCOUNT_EDITED, Action.ACCOUNT_REMOVED, Action.ACCOUNT_ADDED_AGAIN,
            Action.TRANSACTION_EDITED, Action.TRANSACTION_SPLIT, Action.TRANSACTION_JOINED, Action.SPLIT_ADJUSTED,
            Action.RULE_CHANGED, Action.RULE_APPLIED, Action.RULE_UNDONE,
        }),
    ),
    "credit": (
        _("Credit reports"),
        frozenset({Action.CREDIT_PULL, Action.CREDIT_CONFIRMED, Action.CREDIT_REBUILD, Action.CREDIT_FORGOTTEN}),
    ),
    "views": (
        _("Views and downloads of your data"),
        frozenset({
            Action.ACCOUNT_LIST, Action.TRANSACTION_FETCH, Action.CREDIT_RAW_VIEWED, Action.DATA_ACCESSED,
            Action.DATA_EXPORT, Action.OPERATOR_VIEW, Action.BREAK_GLASS, Action.DIGEST_SENT,
        }),
    ),
    "consents": (
        _("Consents and your account"),
        frozenset({
            Action.CONSENT_GRANTED, Action.CONSENT_WITHDRAWN, Action.DATA_IMPORT, Action.RETENTION_CHANGED,
            Action.RETENTION_ANNOUNCED, Action.DATA_PURGED, Action.DELETION_REQUESTED, Action.DELETION_CANCELED,
            Action.ACCOUNT_DELETED,
        }),
    ),
}  # fmt: skip

KIND_LABELS: Final[dict[DataKind, Label]] = {
    DataKind.BALANCES: _("Bank accounts and balances"),
    DataKind.TRANSACTIONS: _("Transactions"),
    DataKind.CREDIT_SCORE: _("Credit score"),
    DataKind.CREDIT_REPORT: _("Credit report"),
    DataKind.RAW_REPORT: _("Original credit report"),
    DataKind.NOTIFICATIONS: pgettext_lazy("kind of data", "Alerts"),
}

# What an event is about, if it has no name of its own. An event about anything else shows no object.
RESOURCE_LABELS: Final[dict[str, Label]] = {
    "item": _("Bank connection"),
    "account": _("Bank account"),
    "transfer": _("Transfer"),
    "transaction": _("Transaction"),
    "rule": _("Transaction rule"),
    "ssn": _("Social Security number"),
    "enrollment": _("Credit report details"),
    "credit_report": _("Credit report"),
    "pull_attempt": _("Credit report"),
    "terms": _("Terms"),
    "privacy_notice": _("Privacy notice"),
    "bank_data": _("Bank data"),
    "analytics": _("Analytics"),
    "marketing": _("Marketing emails"),
    "do_not_sell": _("Do not sell or share"),
    "retention": _("How long data is kept"),
    "export": _("Export"),
    "orphaned_removal": _("Bank connection"),
    "mail": _("Email"),
    "session": _("Device"),
    "activity": _("Activity log"),
    "totp": _("Authenticator app"),
    "webauthn": _("Passkey"),
    "recovery_codes": _("Recovery codes"),
}

# What a decrypted token was used for.
PURPOSE_LABELS: Final[dict[str, Label]] = {
    "sync": _("to sync"),
    "products": _("to update terms and recurring payments"),
    "reconnect": _("to reconnect"),
    "confirm_reconnect": _("to confirm that you reconnected"),
    "disconnect": _("to disconnect"),
    "remove": _("to end the access at the provider"),
    "check": _("to check the connection"),
    "update_webhook": _("to change the address for the provider's updates"),
}

OUTCOME_LABELS: Final[dict[str, Label]] = {
    "ok": pgettext_lazy("outcome", "Completed"),
    "refused": pgettext_lazy("outcome", "Refused"),
    "failed": pgettext_lazy("outcome", "Failed"),
}

# What happens to people who are not signed in.
NOT_SIGNED_IN: Final = frozenset({Action.LOGIN_FAILED, Action.LOCKED})
NOT_SIGNED_IN_LABEL: Final = pgettext_lazy("actor", "Someone who wasn't signed in")

BY_YOU: Final = "you"
BY_SITE: Final = "site"
BY_ADMINISTRATOR: Final = "administrator"
ACTOR_LABELS: Final[dict[str, Label]] = {
    BY_YOU: pgettext_lazy("actor", "You"),
    BY_SITE: pgettext_lazy("actor", "Plumbline"),
    BY_ADMINISTRATOR: pgettext_lazy("actor", "An administrator"),
}


def describe_action(action: str) -> str:
    """Return an action in words; an action of another version is shown as it is stored."""
    try:
        return str(ACTION_LABELS[Action(action)])
    except (KeyError, ValueError):
        return action
