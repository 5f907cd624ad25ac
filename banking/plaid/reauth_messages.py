"""Why Plaid says that a person has to sign in at the bank again, in one sentence.

Source of the codes: https://plaid.com/docs/errors/item/
"""

REAUTH_MESSAGES = {
    "ITEM_LOGIN_REQUIRED": "Your bank ended the sign-in, as banks do now and then or after a password change.",
    "PASSWORD_RESET_REQUIRED": "Your bank wants a new password first. Set it at your bank, then sign in again here.",
    "USER_SETUP_REQUIRED": "Your bank needs something from you first. Sign in at your bank, then again here.",
    "ITEM_LOCKED": "Your bank locked the account after failed sign-ins. Unlock it there, then sign in again here.",
    "ADDITIONAL_CONSENT_REQUIRED": "Your bank asks whether you agree to share more before we can read on.",
    "ACCESS_NOT_GRANTED": "Your bank shared less than we need to read. Sign in again and allow it.",
}
