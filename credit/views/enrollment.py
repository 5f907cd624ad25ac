"""Enrollment: sign the authorization, give the details, withdraw."""

from dataclasses import asdict, replace

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.mfa.step_up import require_fresh_sign_in
from accounts.users.requests import AuthenticatedHttpRequest
from compliance import consent
from compliance.consent import ConsentEvent, Purpose
from compliance.isolation import tenant
from credit.enrollment import authorization, lifecycle
from credit.enrollment.details import get_details
from credit.enrollment.status import get_overview
from credit.forms import AuthorizationForm, DetailsForm, is_sample
from credit.provider import BureauInputError
from credit.statuses import EnrollmentStatus
from credit.views.pulling import pull_now

# In these statuses, the stored Social Security number may be wrong.
SSN_UNCONFIRMED = frozenset({EnrollmentStatus.NO_HIT, EnrollmentStatus.DETAILS_REFUSED, EnrollmentStatus.MISMATCH})
SIGNATURE_LOST = _("We can't decrypt your signature, so we can't compare it with your name. Sign again.")
WITHDRAWN = _("Authorization withdrawn. We request no more reports, and we deleted the details you gave us.")


@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
def start(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the authorization, alone on its page, and take the signature."""
    if get_overview(owner=request.user.pk).status is EnrollmentStatus.OFF:
        return redirect("credit")
    form = AuthorizationForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        context = {"form": form, "clauses": authorization.CLAUSES}
        return render(request, "credit/start.html", context, status=422 if form.is_bound else 200)
    consent.grant(
        user=request.user,
        consent_text=authorization.consent_text(),
        signature=form.cleaned_data["typed_name"],
        scope=dict(authorization.SCOPE),
        valid_for=authorization.VALID_FOR,
    )
    return redirect("credit_details")


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
@transaction.non_atomic_requests
@sensitive_variables()
def details(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Save the details by which the bureau finds a file, and pull the report at once."""
    signed = active_authorization(request)
    name = read_signature(request, signed) if signed else ""
    if signed is None or not name:
        return redirect("credit_start")
    form = build_details_form(request, name)
    if not form.is_valid():
        return render_details(request, form)
    applicant, keep = form.applicant(), form.cleaned_data["keep_ssn"]
    try:
        lifecycle.enroll(user=request.user, applicant=applicant, keep_ssn=keep, consent_id=signed.pk)
        return pull_now(request, applicant)
    except lifecycle.NoConsent:
        return redirect("credit_start")
    except BureauInputError as refused:
        form.refuse(refused.field)
        return render_details(request, form)


def active_authorization(request: AuthenticatedHttpRequest) -> ConsentEvent | None:
    """Return the active consent to the current text."""
    return consent.get_active_consent(
        user_id=request.user.pk, purpose=Purpose.CREDIT_REPORT, version=authorization.VERSION
    )


@sensitive_variables()
def read_signature(request: AuthenticatedHttpRequest, signed: ConsentEvent) -> str:
    """Return the signed name; empty, with a message to the user, if it cannot be decrypted."""
    with tenant(request.user.pk):
        name = signed.signature.reveal_or("")
    if not name:
        messages.info(request, str(SIGNATURE_LOST))
    return name


@sensitive_variables()
def build_details_form(request: AuthenticatedHttpRequest, name: str) -> DetailsForm:
    """Return the form with the stored details. The stored number is offered only if it has matched a file."""
    with tenant(request.user.pk):
        stored = get_details(owner=request.user.pk)
        enrollment = get_overview(owner=request.user.pk)
    ssn_matched = (
        stored is not None and enrollment.succeeded_at is not None and enrollment.status not in SSN_UNCONFIRMED
    )
    return DetailsForm(
        request.POST if request.method == "POST" else None,
        signed_as=name,
        last_four=stored.ssn[-4:] if stored and ssn_matched else "",
        initial=asdict(replace(stored, ssn="")) if stored else {},
    )


def render_details(request: AuthenticatedHttpRequest, form: DetailsForm) -> HttpResponse:
    context = {"form": form, "is_sample": is_sample()}
    return render(request, "credit/details.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Explain what stops and what stays, then withdraw the consent and delete the details."""
    if request.method != "POST":
        return render(request, "credit/withdraw.html")
    lifecycle.withdraw_enrollment(user=request.user)
    messages.success(request, str(WITHDRAWN))
    return redirect("credit_rights")
