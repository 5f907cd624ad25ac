"""The messages for Plaid's error codes that require the user to sign in at the bank again.

Source of the codes: https://plaid.com/docs/errors/item/
"""

from django.utils.translation import gettext_lazy as _

REAUTH_MESSAGES = {
    "ITEM_LOGIN_REQUIRED": _("%(bank)s needs you to sign in again. This can happen after a password change."),
    "PASSWORD_RESET_REQUIRED": _("%(bank)s requires a new password. Set it there, then reconnect."),
    "USER_SETUP_REQUIRED": _("%(bank)s needs you to finish setting up your account. Sign in there, then reconnect."),
    "ITEM_LOCKED": _("%(bank)s locked your account after failed sign-ins. Unlock it there, then reconnect."),
    "ADDITIONAL_CONSENT_REQUIRED": _("%(bank)s needs your approval to keep sharing. Reconnect to review it."),
    "ACCESS_NOT_GRANTED": _("The access we need wasn't granted. Reconnect %(bank)s and allow it."),
}
