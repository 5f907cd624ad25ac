"""allauth's forms of sign-up and passwords, with additional checks and the project's own labels."""

from typing import Any

from allauth.account.fields import PasswordField, SetPasswordField
from allauth.account.forms import ChangePasswordForm, ConfirmEmailVerificationCodeForm, ResetPasswordKeyForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from django import forms
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.agreements import required_texts
from accounts.agreements.forms import analytics_box, eligibility_box, marketing_box, privacy_notice_box, terms_box
from accounts.sign_in import lockout
from accounts.users.models import UNIQUE_EMAIL_CONSTRAINT, User
from compliance.audit import Action, record
from compliance.consent import Purpose
from compliance.isolation.tenant import SYSTEM
from compliance.personal_data.account_lock import lock_account

GIVEN_NAME_INPUT = forms.TextInput(attrs={"autocomplete": "given-name"})
FAMILY_NAME_INPUT = forms.TextInput(attrs={"autocomplete": "family-name"})


class SignupForm(AllauthSignupForm):
    """Sign-up that takes the same time for an address with an account and for one without."""

    account_already_exists: bool

    first_name = forms.CharField(
        label=_("First name (optional)"), max_length=100, required=False, widget=GIVEN_NAME_INPUT
    )
    last_name = forms.CharField(
        label=_("Last name (optional)"), max_length=100, required=False, widget=FAMILY_NAME_INPUT
    )

    terms = terms_box()
    privacy_notice = privacy_notice_box()
    eligibility = eligibility_box()
    marketing = marketing_box()
    analytics = analytics_box()

    field_order = ("email", "password1", "first_name", "last_name")

    def try_save(self, request: HttpRequest) -> Any:
        """Create a user. For an address that has an account, even a new one, create none but respond alike."""
        if self.account_already_exists:
            return self._refuse(request)
        try:
            with transaction.atomic():
                return super().try_save(request)
        except IntegrityError as error:
            if UNIQUE_EMAIL_CONSTRAINT not in str(error):
                raise
            self.account_already_exists = True
            return self._refuse(request)

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        """Record the consents of a new user, in the transaction that creates them."""
        required_texts.agree_at_sign_up(user=user, optional=self._agreed_options())

    def _agreed_options(self) -> list[Purpose]:
        return [purpose for purpose in required_texts.OPTIONAL if self.cleaned_data[purpose]]

    def _refuse(self, request: HttpRequest) -> Any:
        """Hash the password, record consents and write an audit event, as for an unknown address.

        allauth does none of these. The consents are rolled back: the owner of the address has agreed to nothing.
        """
        make_password(self.cleaned_data["password1"])
        owner = lockout.user_for_email(self.cleaned_data["email"])
        with transaction.atomic():
            required_texts.agree_at_sign_up(user=owner or User(pk=SYSTEM), optional=self._agreed_options())
            transaction.set_rollback(True)
        record(Action.SECURITY_ALERT, subject=owner, outcome="refused", durable=True, attempt="sign-up")
        return super().try_save(request)


class EmailCodeForm(ConfirmEmailVerificationCodeForm):
    """The code that confirms an email address."""

    def clean_code(self) -> str:
        """Raise ``ValidationError`` for a wrong code, and for an address that now belongs to another user."""
        if self.user:
            lock_account(self.user.pk)
        return str(super().clean_code())


class NewPasswordForm(ChangePasswordForm):
    """Changing the password of a user who is signed in."""

    oldpassword = PasswordField(show_reset_help=True, label=_("Current password"), autocomplete="current-password")
    password1 = SetPasswordField(label=_("New password"))
    password2 = PasswordField(label=_("New password (again)"), autocomplete="new-password")


class ForgottenPasswordForm(ResetPasswordKeyForm):
    """Setting a new password with the link of an email."""

    password1 = SetPasswordField(label=_("New password"))
    password2 = PasswordField(label=_("New password (again)"), autocomplete="new-password")
