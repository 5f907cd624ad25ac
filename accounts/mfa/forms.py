"""allauth's forms of second factors, with the additional checks of this project."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from allauth.account.adapter import get_adapter
from allauth.core import context as current
from allauth.mfa.adapter import get_adapter as get_factor_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, generate_totp_secret
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.mfa import passkeys, sealed_secrets
from compliance.personal_data.account_lock import lock_account
from compliance.vault import SealError

MAX_PASSKEY_NAME_LENGTH: Final = 60
UNREADABLE_PASSKEY: Final = _(
    "We can't read this passkey anymore. Remove it on the security page, then create a new one."
)
CODE_FIELD = forms.CharField(
    label=_("Verification code"),
    help_text=_("Enter the 6-digit code from your authenticator app, or a recovery code."),
    max_length=20,
    widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}),
)


class SecondStepCodeForm(AuthenticateForm):
    """The second step of a sign-in. No code is checked while the account is locked."""

    code = CODE_FIELD

    def clean_code(self) -> str:
        """Raise ``ValidationError`` for a wrong code, a used one, and while locked or over the limits."""
        get_adapter().check_not_locked(self.user.email)
        return str(super().clean_code())


class ReauthenticateCodeForm(ReauthenticateForm):
    """A code as reauthentication of a user who is signed in."""

    code = CODE_FIELD

    def clean_code(self) -> str:
        """Raise ``ValidationError`` for a wrong code, a used one, and while locked or over the limits."""
        get_adapter().check_not_locked(self.user.email)
        return str(super().clean_code())


class ActivateAuthenticatorForm(ActivateTOTPForm):
    """Setting up an authenticator app. Until it is confirmed, its secret is kept sealed in the session."""

    code = forms.CharField(
        label=_("Verification code"),
        max_length=20,
        help_text=_("Enter the 6-digit code from your authenticator app."),
        widget=CODE_FIELD.widget,
    )

    secret: str

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if sealed_secrets.SEPARATOR in self.secret:
            try:
                self.secret = sealed_secrets.open_secret(self.secret, owner=self.user.pk)
                return
            except SealError:
                # The typed code no longer matches, and the form shows the new secret.
                self.secret = generate_totp_secret()
        current.request.session[SECRET_SESSION_KEY] = sealed_secrets.seal_secret(self.secret, owner=self.user.pk)

    def clean_code(self) -> str:
        """Raise ``ValidationError`` for a wrong code, and for the second of two submits."""
        lock_account(self.user.pk)
        if Authenticator.objects.filter(user=self.user, type=Authenticator.Type.TOTP).exists():
            raise get_factor_adapter().validation_error("incorrect_code")
        return str(super().clean_code())


class CredentialField(forms.JSONField):
    """What a browser's passkey dialog returns. A client can send anything, so it has to be a JSON object."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        """Raise ``ValidationError`` for a value that is not a JSON object, is nested too deep, or is not valid text."""
        try:
            parsed = super().to_python(value)
            text = json.dumps(parsed, ensure_ascii=False).encode()
        except (RecursionError, ValueError):
            # Nested too deep, a number of thousands of digits, or a lone surrogate.
            raise _unreadable_passkey() from None
        # An empty object too: allauth does not check a falsy value, and would store it as a passkey.
        if rb"\u0000" in text or not isinstance(parsed, dict) or not parsed:
            raise _unreadable_passkey()
        return parsed


@contextmanager
def raise_for_bad_credential() -> Iterator[None]:
    """Turn the errors of an unreadable credential into ``ValidationError``."""
    try:
        yield
    except ValidationError as error:
        # allauth uses the code "incorrect_code" here as well.
        raise _unreadable_passkey() if error.code == "incorrect_code" else error from error
    except passkeys.CREDENTIAL_ERRORS as error:
        raise _unreadable_passkey() from error


def _unreadable_passkey() -> ValidationError:
    return get_factor_adapter().validation_error("unreadable_passkey")


class AddPasskeyForm(webauthn.AddWebAuthnForm):
    """Adding a passkey: a name and the browser's credential, which always has to verify its user."""

    name = forms.CharField(label=_("Passkey name"), max_length=MAX_PASSKEY_NAME_LENGTH, required=False)
    passwordless = None
    credential = CredentialField(label=_("Passkey"))

    def clean(self) -> dict[str, Any]:
        """Raise ``ValidationError`` for a credential that does not match the challenge."""
        self.cleaned_data["passwordless"] = True
        with raise_for_bad_credential():
            cleaned = dict(super().clean())
            if "credential" in cleaned:
                cleaned["credential"] = passkeys.extract_credential(cleaned["credential"])
            return cleaned


class RenamePasskeyForm(webauthn.EditWebAuthnForm):
    """Renaming a passkey."""

    name = forms.CharField(label=_("Passkey name"), max_length=MAX_PASSKEY_NAME_LENGTH)

    def clean(self) -> dict[str, Any]:
        """Raise ``ValidationError`` for a passkey whose row is damaged."""
        if not passkeys.is_passkey_readable(self.instance):
            raise ValidationError(UNREADABLE_PASSKEY)
        return dict(super().clean() or {})


class SecondStepPasskeyForm(webauthn.AuthenticateWebAuthnForm):
    """A passkey as the second step of a sign-in; works while the account is locked, as it cannot be guessed."""

    credential = CredentialField(label=_("Passkey"))

    def clean_credential(self) -> Authenticator:
        """Raise ``ValidationError`` for a credential that does not match the challenge."""
        with raise_for_bad_credential():
            return super().clean_credential()


class PasskeySignInForm(webauthn.LoginWebAuthnForm):
    """A passkey instead of address and password."""

    credential = CredentialField(label=_("Passkey"))

    def clean_credential(self) -> Authenticator:
        """Raise ``ValidationError`` for a credential that does not match the challenge."""
        with raise_for_bad_credential():
            return super().clean_credential()


class ReauthenticatePasskeyForm(webauthn.ReauthenticateWebAuthnForm):
    """A passkey as reauthentication of a user who is signed in."""

    credential = CredentialField(label=_("Passkey"))

    def clean_credential(self) -> Authenticator:
        """Raise ``ValidationError`` for a credential that does not match the challenge."""
        with raise_for_bad_credential():
            return super().clean_credential()
