"""The boxes for what users agree to. None is ticked beforehand."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from compliance.consent import Purpose
from compliance.consent.legal_texts import current_version

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

UNTICKED: Final = _("Check the box to continue.")
OUTDATED: Final = _("This text has changed. Read the new version, then agree to it.")


class VersionBox(forms.CheckboxInput):
    """A box whose value is the version of the text in force. One that was checked for another version is unchecked."""

    def __init__(self, document: str) -> None:
        super().__init__(check_test=lambda value: value == current_version(document).version)
        self.document = document

    def format_value(self, value: object) -> str:
        """Return the version, whether the box is checked or not."""
        return current_version(self.document).version

    def value_from_datadict(self, data: Mapping[str, Any], files: object, name: str) -> Any:
        """Return the version for which the box was checked; empty if it was not."""
        return str(data.get(name, ""))


class TextAgreementField(forms.BooleanField):
    """The agreement to a text, of which the page said the version: only to that version does the user agree."""

    widget: VersionBox

    def clean(self, value: str) -> bool:
        """Return whether the box was checked. Raises ``ValidationError`` if that was for an earlier version."""
        if value and value != current_version(self.widget.document).version:
            raise forms.ValidationError(OUTDATED, code="outdated")
        return bool(super().clean(value))


def link_to_text(document: str, label: "StrOrPromise") -> SafeString:
    """Return a link to the current version of a legal text, which leaves the form open."""
    url = reverse("legal_text", args=[document, current_version(document).version])
    return format_html('<a href="{}" target="_blank">{}</a>', url, label)


def build_box(
    label: "StrOrPromise", *, document: str = "", link: "StrOrPromise" = "", required: bool = True
) -> forms.BooleanField:
    """Return an unticked box. With a ``document``, it has a link to its text and its version as value."""
    options: dict[str, Any] = {"label": label, "required": required, "error_messages": {"required": UNTICKED}}
    if not document:
        return forms.BooleanField(**options)
    help_text = lazy(link_to_text, SafeString)(document, link)
    return TextAgreementField(widget=VersionBox(document), help_text=help_text, **options)


def terms_box() -> forms.BooleanField:
    return build_box(
        _("I agree to the terms of service."),
        document=Purpose.TERMS,
        link=_("Read the terms of service (opens in a new tab)"),
    )


def privacy_notice_box() -> forms.BooleanField:
    return build_box(
        _("I have read the privacy notice and agree to it."),
        document=Purpose.PRIVACY_NOTICE,
        link=_("Read the privacy notice (opens in a new tab)"),
    )


def eligibility_box() -> forms.BooleanField:
    return build_box(_("I am 18 or older, and I live in the United States."))


def marketing_box() -> forms.BooleanField:
    return build_box(
        _("Send me news about new features (optional)"),
        document=Purpose.MARKETING,
        link=_("Read about marketing email (opens in a new tab)"),
        required=False,
    )


def analytics_box() -> forms.BooleanField:
    return build_box(
        _("Analyze how I use Plumbline (optional)"),
        document=Purpose.ANALYTICS,
        link=_("Read about analytics (opens in a new tab)"),
        required=False,
    )


class AgreementForm(forms.Form):
    """The boxes for what a user still has to agree to, ``missing``."""

    terms = terms_box()
    privacy_notice = privacy_notice_box()
    eligibility = eligibility_box()

    def __init__(self, data: Any, *, missing: Collection[str]) -> None:
        super().__init__(data)
        for name in set(self.fields).difference(missing):
            del self.fields[name]
