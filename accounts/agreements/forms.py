"""The boxes for what users agree to. None is ticked beforehand."""

from collections.abc import Collection
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


def link_to_text(document: str, label: "StrOrPromise") -> SafeString:
    """Return a link to the current version of a legal text, which leaves the form open."""
    url = reverse("legal_text", args=[document, current_version(document).version])
    return format_html('<a href="{}" target="_blank">{}</a>', url, label)


def build_box(
    label: "StrOrPromise", *, document: str = "", link: "StrOrPromise" = "", required: bool = True
) -> forms.BooleanField:
    """Return an unticked box, with the label of a link to the text of ``document``."""
    help_text: Any = lazy(link_to_text, SafeString)(document, link) if document else ""
    return forms.BooleanField(
        label=label, help_text=help_text, required=required, error_messages={"required": UNTICKED}
    )


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
