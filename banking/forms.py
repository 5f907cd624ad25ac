"""Forms of linking and disconnecting."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from banking.linking.sessions import LinkExit, LinkMetadata, account_keys

UNREADABLE = _("We couldn't read the list of accounts.")


class PublicTokenForm(forms.Form):
    """A public token and, as JSON, what the user chose in the linking dialog."""

    public_token = forms.CharField(max_length=200)
    metadata = forms.CharField(max_length=50_000, required=False)

    def clean_metadata(self) -> dict[str, Any]:
        """Read the dialog's report; anything but objects in the expected places is refused."""
        try:
            report = json.loads(self.cleaned_data["metadata"] or "{}")
        except (ValueError, RecursionError):
            raise ValidationError(UNREADABLE) from None
        if not isinstance(report, dict):
            raise ValidationError(UNREADABLE)
        institution, accounts = part_of(report, "institution", dict), part_of(report, "accounts", list)
        if not all(isinstance(account, dict) for account in accounts):
            raise ValidationError(UNREADABLE)
        return {"institution": institution, "accounts": accounts, "link_session_id": report.get("link_session_id")}

    def token(self) -> str:
        """The public token itself."""
        return str(self.cleaned_data["public_token"])

    def link_metadata(self) -> LinkMetadata:
        """What the user chose, as ``LinkMetadata``."""
        report = self.cleaned_data["metadata"]
        return LinkMetadata(
            institution_id=clean_text(report["institution"].get("institution_id")),
            institution_name=clean_text(report["institution"].get("name")),
            accounts=account_keys(report["accounts"]),
            link_session_id=clean_text(report["link_session_id"])[:100],
        )


def part_of(report: dict[str, Any], name: str, kind: type[Any]) -> Any:
    """One part of a report; empty where there is none. Raises ``ValidationError`` for one of another kind."""
    value = report.get(name)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise ValidationError(UNREADABLE)
    return value


def clean_text(value: object) -> str:
    """A text of JSON as a database takes it, without NUL and halves of characters; empty for what is no text."""
    return value.encode(errors="replace").decode().replace("\0", "") if isinstance(value, str) else ""


class ExitForm(forms.Form):
    """How the linking dialog was left, in the provider's words. Anything else is ignored."""

    error_code = forms.RegexField(r"^[A-Z0-9_]+\Z", max_length=100, required=False)
    exit_status = forms.RegexField(r"^[a-z_]+\Z", max_length=100, required=False)
    request_id = forms.RegexField(r"^[A-Za-z0-9-]+\Z", max_length=100, required=False)
    link_session_id = forms.RegexField(r"^[A-Za-z0-9-]+\Z", max_length=100, required=False)

    def link_exit(self) -> LinkExit:
        """How the user left the dialog, as ``LinkExit``."""
        self.is_valid()
        return LinkExit(**{name: self.cleaned_data.get(name, "") for name in LinkExit._fields})


class DisconnectForm(forms.Form):
    """Whether to keep the accounts and transactions."""

    history = forms.ChoiceField(choices=(("keep", _("Keep the history")), ("delete", _("Delete the history"))))
