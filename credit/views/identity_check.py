"""The page on which a user confirms that a report is theirs although it does not match their details."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.mfa.step_up import require_fresh_sign_in
from accounts.users.requests import AuthenticatedHttpRequest
from credit.forms import IdentityCheckForm
from credit.presentation.status_messages import ANNUAL_REPORT, EXPERIAN_DISPUTES
from credit.pulls import identity_check

CONFIRMED = _("Your answers match. You can now view this report.")
WRONG = _("Those answers don't match the credit file.")


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
@transaction.non_atomic_requests
@sensitive_variables()
def index(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the question about a file, and check the answer."""
    question = identity_check.get_question(owner=request.user.pk)
    form = IdentityCheckForm(request.POST if request.method == "POST" else None)
    if question is not None and question.attempts_left and form.is_valid():
        if identity_check.check_answer(user=request.user, answer=form.answer()):
            messages.success(request, str(CONFIRMED))
            return redirect("credit")
        form.add_error(None, WRONG)
        question = identity_check.get_question(owner=request.user.pk)
    if question is None:
        return redirect("credit")
    context = {"question": question, "form": form, "links": (EXPERIAN_DISPUTES, ANNUAL_REPORT)}
    return render(request, "credit/identity_check.html", context, status=422 if form.is_bound else 200)
