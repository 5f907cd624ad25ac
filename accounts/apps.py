from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from accounts.mfa import passkeys, recovery_codes, totp
        from accounts.sessions import active_sessions

        totp.take_over()
        recovery_codes.take_over()
        passkeys.take_over()
        active_sessions.take_over()
        # Connects allauth's signals to what follows from them.
        import_module("accounts.sign_in.receivers")
        import_module("accounts.mfa.receivers")


class OperatorsConfig(AdminConfig):
    """Django's admin, with the operators' site in the place of its own."""

    default_site = "accounts.operators.site.OperatorSite"
