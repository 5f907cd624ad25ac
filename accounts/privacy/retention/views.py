"""The retention page, and the page on which a period is chosen, previewed and confirmed."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.mfa.step_up import require_fresh_sign_in
from accounts.privacy.retention.forms import RetentionForm
from accounts.privacy.retention.overview import ChoicePreview, list_fixed_periods, list_retention, preview_choice
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit.daily_access import record_data_access
from compliance.retention import get_rule
from compliance.retention.choosing import choose_period
from compliance.retention.models import RetentionSetting
from compliance.retention.rules import RetentionRule


@require_safe
def show_retention(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show how long each type of data is kept, and what the next purges take."""
    rows = list_retention(request.user)
    record_data_access(request.user.pk, *(row.rule.data_kind for row in rows if row.has_sample))
    context = {"rows": rows, "fixed_rules": list_fixed_periods()}
    return render(request, "accounts/privacy/retention.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require_fresh_sign_in
def change_retention(request: AuthenticatedHttpRequest, data_type: str) -> HttpResponse:
    """Choose a period: a GET with it previews what it deletes, a POST stores it."""
    rule = find_rule(data_type)
    setting = RetentionSetting.for_owner(request.user.pk, rule)
    submitted = request.POST if request.method == "POST" else request.GET if "period" in request.GET else None
    form = RetentionForm(submitted, rule=rule, chosen=setting.days_to_retain)
    context: dict[str, object] = {"form": form, "rule": rule}
    if submitted is None or not form.is_valid():
        status = 200 if submitted is None else 422
        return render(request, "accounts/privacy/retention_choice.html", context, status=status)
    if request.method == "POST":
        at_once = form.cleaned_data["at_once"]
        choose_period(user=request.user, rule=rule, days=form.days, at_once=at_once)
        messages.success(request, _("Your choice is saved."))
        return redirect("retention")
    return show_preview(request, context, preview_choice(user=request.user, rule=rule, days=form.days))


def show_preview(request: AuthenticatedHttpRequest, context: dict[str, object], preview: ChoicePreview) -> HttpResponse:
    """Show what a choice deletes, with some of the rows."""
    if preview.first_purge.sample:
        record_data_access(request.user.pk, preview.data_kind)
    return render(request, "accounts/privacy/retention_preview.html", context | {"preview": preview})


def find_rule(data_type: str) -> RetentionRule:
    """Return a rule by the name in a URL. Raises ``Http404``."""
    try:
        return get_rule(data_type)
    except KeyError:
        raise Http404 from None
