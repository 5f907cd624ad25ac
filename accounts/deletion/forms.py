from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.users.models import User


class ConfirmEmailForm(forms.Form):
    """The user's own email address, typed to confirm the deletion of the account."""

    email = forms.CharField(
        label=_("Your email address"),
        max_length=255,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user = user

    def clean_email(self) -> str:
        """Raise ``ValidationError`` for another address than the user's."""
        email = str(self.cleaned_data["email"]).strip()
        if email.lower() != self.user.email.lower():
            raise forms.ValidationError(_("Enter %(email)s to confirm."), params={"email": self.user.email})
        return email
