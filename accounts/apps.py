from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from accounts.mfa import passkeys, recovery_codes, totp
        from accounts.sessions import active_sessions

        totp.patch_allauth_totp()
        recovery_codes.patch_allauth_recovery_codes()
        passkeys.patch_allauth_passkeys()
        active_sessions.patch_allauth_sessions()
        # Connects allauth's signals to what follows from them.
        import_module("accounts.sign_in.receivers")
        import_module("accounts.mfa.receivers")
        import_module("accounts.personal_data")
        import_module("accounts.privacy.retention.notification_messages")


class OperatorsConfig(AdminConfig):
    """Django's admin, with the operators' site in the place of its own."""

    default_site = "accounts.operators.site.OperatorSite"
