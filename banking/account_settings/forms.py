"""The form of what a person says about one account."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from banking.account_settings.editing import AccountEdit
from banking.models import Account


class AccountForm(forms.Form):
    """An account's name, and whether it is in lists and totals."""

    name = forms.CharField(label=_("Name (optional)"), max_length=Account.MAX_NAME_LENGTH, required=False)
    inclusion = forms.ChoiceField(
        label=_("Lists and totals"), choices=Account.Inclusion.choices, widget=forms.RadioSelect
    )

    def __init__(self, data: Any = None, *, account: Account) -> None:
        super().__init__(data, initial={"name": account.user_name, "inclusion": account.inclusion})
        help_text = gettext("Your bank calls it “%(name)s”. Leave this empty to use that name.")
        self.fields["name"].help_text = help_text % {"name": account.name}
        self.fields["name"].widget.attrs["autocomplete"] = "off"

    def build_edit(self) -> AccountEdit:
        """The valid form as an edit."""
        return AccountEdit(
            user_name=" ".join(self.cleaned_data["name"].split()),
            inclusion=Account.Inclusion(self.cleaned_data["inclusion"]),
        )
