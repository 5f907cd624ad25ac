"""The pages of the legal texts, which everyone can read without an account."""

from collections.abc import Sequence

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.privacy.consents import DESCRIPTIONS
from compliance.consent import Purpose
from compliance.consent.legal_texts import SECURITY_OVERVIEW, LegalText, find_version, list_versions
from compliance.export.contents import VERIFIER
from compliance.signing import PublicKey, list_public_keys


@login_not_required
@require_safe
def show_terms(request: HttpRequest) -> HttpResponse:
    return render_document(request, list_versions(Purpose.TERMS)[0])


@login_not_required
@require_safe
def show_privacy_notice(request: HttpRequest) -> HttpResponse:
    return render_document(request, list_versions(Purpose.PRIVACY_NOTICE)[0])


@login_not_required
@require_safe
def show_security_overview(request: HttpRequest) -> HttpResponse:
    return render_document(request, list_versions(SECURITY_OVERVIEW)[0], public_keys=list_public_keys())


@login_not_required
@require_safe
def download_verifier(request: HttpRequest) -> HttpResponse:
    """Send the program that verifies exports and receipts, also to people who have no account any more."""
    headers = {"Content-Disposition": f'attachment; filename="{VERIFIER.name}"'}
    return HttpResponse(VERIFIER.read_bytes(), content_type="text/x-python; charset=utf-8", headers=headers)


@login_not_required
@require_safe
def show_version(request: HttpRequest, document: str, version: str) -> HttpResponse:
    """Show any published version of any text. 404 for all others."""
    text = find_version(document, version)
    if text is None:
        raise Http404
    return render_document(request, text)


def render_document(request: HttpRequest, text: LegalText, *, public_keys: Sequence[PublicKey] = ()) -> HttpResponse:
    """Render a version with its contents and the links to all versions, and the site's public keys if there are any."""
    versions = list_versions(text.document)
    is_overview = text.document == SECURITY_OVERVIEW
    title = gettext("Security overview") if is_overview else DESCRIPTIONS[Purpose(text.document)].title
    context = {
        "text": text,
        "title": title,
        "versions": versions,
        "is_current": text == versions[0],
        "public_keys": public_keys,
    }
    return render(request, "accounts/privacy/document.html", context)
