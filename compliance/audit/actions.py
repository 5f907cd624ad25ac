"""The actions that the audit trail records."""

from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """An action. The values are stored; never change or reuse one."""

    USER_REGISTERED = "user_registered"
    USER_LOGIN = "user_login"
    LOGIN_FAILED = "login_failed"
    USER_LOGOUT = "user_logout"
    EMAIL_CONFIRMED = "email_confirmed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  (the name of an action)
    PASSWORD_RESET = "password_reset"  # noqa: S105  (the name of an action)
    EMAIL_CHANGED = "email_changed"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    PASSKEY_USED = "passkey_used"
    IDENTITY_CONFIRMED = "identity_confirmed"
    SESSION_ENDED = "session_ended"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    ACCOUNT_DEACTIVATED = "account_deactivated"
    ACCOUNT_REACTIVATED = "account_reactivated"

    CONNECT = "connect"
    DISCONNECT = "disconnect"
    TOKEN_EXCHANGE = "token_exchange"  # noqa: S105  (the name of an action)
    TOKEN_REFRESH = "token_refresh"  # noqa: S105  (the name of an action)
    CREDENTIAL_STORE = "credential_store"
    CREDENTIAL_ACCESS = "credential_access"
    CREDENTIAL_DELETE = "credential_delete"
    ACCOUNT_LIST = "account_list"
    TRANSACTION_FETCH = "transaction_fetch"
    SYNC = "sync"
    LIABILITIES_READ = "liabilities_read"
    RECURRING_READ = "recurring_read"
    ACCESS_REVOKED = "access_revoked"
    ACCOUNT_EDITED = "account_edited"
    ACCOUNT_REMOVED = "account_removed"
    ACCOUNT_ADDED_AGAIN = "account_added_again"
    TRANSFER_DECIDED = "transfer_decided"
    TRANSACTION_EDITED = "transaction_edited"
    TRANSACTION_SPLIT = "transaction_split"
    TRANSACTION_JOINED = "transaction_joined"
    SPLIT_ADJUSTED = "split_adjusted"
    RULE_CHANGED = "rule_changed"
    RULE_APPLIED = "rule_applied"
    RULE_UNDONE = "rule_undone"

    CONSENT_GRANTED = "consent_granted"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    DIGEST_SENT = "digest_sent"

    CREDIT_PULL = "credit_pull"
    CREDIT_CONFIRMED = "credit_confirmed"
    CREDIT_RAW_VIEWED = "credit_raw_viewed"
    CREDIT_REBUILD = "credit_rebuild"
    CREDIT_FORGOTTEN = "credit_forgotten"

    DATA_ACCESSED = "data_accessed"
    SECURITY_ALERT = "security_alert"
    DATA_EXPORT = "data_export"
    DELETION_REQUESTED = "deletion_requested"
    DELETION_CANCELED = "deletion_canceled"
    DATA_IMPORT = "data_import"
    ACCOUNT_DELETED = "account_deleted"
    RETENTION_CHANGED = "retention_changed"
    RETENTION_ANNOUNCED = "retention_announced"
    DATA_PURGED = "data_purged"
    FIGURE_DIFFERS = "figure_differs"
    KEY_ROTATION = "key_rotation"
    OPERATOR_VIEW = "operator_view"
    BREAK_GLASS = "break_glass"


ALIASES: Final[dict[str, str]] = {Action.CONNECT: "plaid_account_connected"}
"""Other names of actions, which files for people and auditors have too."""
