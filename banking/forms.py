"""Forms of linking and disconnecting."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.privacy.retention.forms import parse_period
from banking.linking.sessions import LinkMetadata, account_keys
from banking.provider import LinkExit
from banking.retention.transaction_rule import RULE

# Offered on the retention page only.
LATER_PERIODS = (30,)
UNREADABLE = _("We couldn't read the list of accounts.")


class PublicTokenForm(forms.Form):
    """A public token and, as JSON, what the user chose in the linking dialog."""

    public_token = forms.CharField(max_length=200)
    metadata = forms.CharField(max_length=50_000, required=False)

    def clean_metadata(self) -> dict[str, Any]:
        """Parse the dialog's metadata. Raises ``ValidationError`` if a part is not of the expected type."""
        try:
            metadata = json.loads(self.cleaned_data["metadata"] or "{}")
        except (ValueError, RecursionError):
            raise ValidationError(UNREADABLE) from None
        if not isinstance(metadata, dict):
            raise ValidationError(UNREADABLE)
        institution, accounts = part_of(metadata, "institution", dict), part_of(metadata, "accounts", list)
        if not all(isinstance(account, dict) for account in accounts):
            raise ValidationError(UNREADABLE)
        return {"institution": institution, "accounts": accounts, "link_session_id": metadata.get("link_session_id")}

    def token(self) -> str:
        """The public token itself."""
        return str(self.cleaned_data["public_token"])

    def link_metadata(self) -> LinkMetadata:
        """What the user chose, as ``LinkMetadata``."""
        metadata = self.cleaned_data["metadata"]
        return LinkMetadata(
            institution_id=clean_text(metadata["institution"].get("institution_id")),
            institution_name=clean_text(metadata["institution"].get("name")),
            accounts=account_keys(metadata["accounts"]),
            link_session_id=clean_text(metadata["link_session_id"])[:100],
        )


def part_of(metadata: dict[str, Any], name: str, kind: type[Any]) -> Any:
    """One part of the metadata; empty if it is missing. Raises ``ValidationError`` if it is of another type."""
    value = metadata.get(name)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise ValidationError(UNREADABLE)
    return value


def clean_text(value: object) -> str:
    """A JSON string without NUL and lone surrogates, which PostgreSQL rejects; empty for any other type."""
    return value.encode(errors="replace").decode().replace("\0", "") if isinstance(value, str) else ""


class ExitForm(forms.Form):
    """How the user left the linking dialog, as the provider's codes. Invalid values are ignored."""

    error_code = forms.RegexField(r"^[A-Z0-9_]+\Z", max_length=100, required=False)
    exit_status = forms.RegexField(r"^[a-z_]+\Z", max_length=100, required=False)
    request_id = forms.RegexField(r"^[A-Za-z0-9-]+\Z", max_length=100, required=False)
    link_session_id = forms.RegexField(r"^[A-Za-z0-9-]+\Z", max_length=100, required=False)

    def link_exit(self) -> LinkExit:
        """How the user left the dialog, as ``LinkExit``."""
        self.is_valid()
        return LinkExit(**{name: self.cleaned_data.get(name, "") for name in LinkExit._fields})


class FirstPeriodForm(forms.Form):
    """How long transactions are kept, which a person chooses before they connect their first bank."""

    period = forms.TypedChoiceField(
        label=_("How long to keep your transactions"),
        widget=forms.RadioSelect,
        choices=[(choice.value, choice.label) for choice in RULE.choices if choice.days not in LATER_PERIODS],
        initial=str(RULE.preselected_days),
        coerce=parse_period,
        error_messages={"required": _("Choose how long to keep your transactions.")},
    )

    @property
    def days(self) -> int | None:
        """The chosen period in days; ``None`` is until the account is deleted."""
        days: int | None = self.cleaned_data["period"]
        return days


class DisconnectForm(forms.Form):
    """Whether to keep the accounts and transactions."""

    history = forms.ChoiceField(choices=(("keep", _("Keep the history")), ("delete", _("Delete the history"))))
