"""A person's rules for transactions: list, create with a preview, change, order, apply, undo and delete."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from banking.categorization import rule_runs, rules
from banking.categorization.descriptions import describe_rule
from banking.categorization.forms import RuleForm, get_initial_values
from banking.models import CategoryRule, RuleRun, Transaction
from banking.transactions.listing.filters import selectable_accounts
from compliance.audit.daily_access import DataKind, record_data_access
from formats import numbers

TOO_MANY_RULES = gettext_lazy("You have as many rules as there can be. Delete one first.")


@require_safe
def list_rules(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show all rules in the order in which they count."""
    described = [describe_rule(rule) for rule in rules.list_rules(owner_id=request.user.pk)]
    return render(request, "banking/rules.html", {"rules": described})


@require_http_methods(["GET", "HEAD", "POST"])
def create_rule(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show the form of a new rule, what it would change, and create it."""
    form = build_form(request, initial=suggest_values(request))
    try:
        if form.is_valid() and "save" in request.POST:
            rule = rules.create_rule(user=request.user, values=form.build_values())
            messages.success(request, _("Rule created. It applies to new transactions."))
            return redirect("rule", rule.pk)
        return show_form(request, form)
    except rules.TooManyRules:
        form.add_error(None, TOO_MANY_RULES)
        return render(request, "banking/rule_form.html", {"form": form}, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def change_rule(request: AuthenticatedHttpRequest, rule_id: UUID) -> HttpResponse:
    """Show the form of a rule, what it would change, and store it."""
    rule = get_object_or_404(CategoryRule.objects.for_user(request.user), pk=rule_id)
    form = build_form(request, initial=get_initial_values(rule))
    if form.is_valid() and "save" in request.POST:
        rules.change_rule(user=request.user, rule_id=rule_id, values=form.build_values())
        messages.success(request, _("Rule saved. It applies to new transactions."))
        return redirect("rule", rule_id)
    return show_form(request, form, rule=rule)


def build_form(request: AuthenticatedHttpRequest, *, initial: dict[str, Any]) -> RuleForm:
    """The form of a rule, with what was sent."""
    account = initial.get("account")
    accounts = selectable_accounts(request).shown_or(account.pk if account else None)
    return RuleForm(request.POST or None, owner_id=request.user.pk, accounts=accounts, initial=initial)


def suggest_values(request: AuthenticatedHttpRequest) -> dict[str, Any]:
    """The rule that a person is offered after they changed a transaction: the same for this merchant."""
    text = request.GET.get("transaction", "")
    rows = Transaction.objects.for_user(request.user).filter(removed_at=None)
    try:
        row = rows.get(pk=UUID(text))
    except (ValueError, Transaction.DoesNotExist):
        return {}
    return {"merchant": row.bank_label, "category": row.user_category, "rename": row.user_merchant}


def show_form(request: AuthenticatedHttpRequest, form: RuleForm, *, rule: CategoryRule | None = None) -> HttpResponse:
    """Show the form of a rule, and what its values would change if they are valid."""
    context: dict[str, Any] = {"form": form, "rule": rule}
    if form.is_bound and form.is_valid():
        rule_id = rule.pk if rule else None
        context["preview"] = rule_runs.preview_values(user=request.user, values=form.build_values(), rule_id=rule_id)
        record_data_access(request.user.pk, DataKind.TRANSACTIONS)
    return render(request, "banking/rule_form.html", context, status=422 if form.errors else 200)


@require_safe
def show_rule(request: AuthenticatedHttpRequest, rule_id: UUID) -> HttpResponse:
    """Show a rule, the stored transactions that it would change, and its runs."""
    rule = get_object_or_404(rules.list_rules(owner_id=request.user.pk), pk=rule_id)
    preview = rule_runs.preview_rule(owner_id=request.user.pk, rule_id=rule.pk)
    if preview.rows:
        record_data_access(request.user.pk, DataKind.TRANSACTIONS)
    runs = rule_runs.list_runs(owner_id=request.user.pk, rule_id=rule.pk)
    context = {"rule": rule, "description": describe_rule(rule), "preview": preview, "runs": runs}
    return render(request, "banking/rule.html", context)


@require_POST
def apply_rule(request: AuthenticatedHttpRequest, rule_id: UUID) -> HttpResponse:
    """Apply a rule to stored transactions."""
    try:
        run = rule_runs.apply_rule(user=request.user, rule_id=rule_id)
    except CategoryRule.DoesNotExist:
        raise Http404 from None
    messages.success(request, say_changed(run.changed))
    return redirect("rule", rule_id)


@require_POST
def undo_run(request: AuthenticatedHttpRequest, run_id: UUID) -> HttpResponse:
    """Undo what a run changed, where nobody changed it since."""
    run = get_object_or_404(RuleRun.objects.for_user(request.user), pk=run_id)
    try:
        messages.success(request, say_changed(rule_runs.undo_run(user=request.user, run_id=run_id)))
    except rule_runs.LaterRun:
        messages.error(request, _("Undo the later runs that changed the same transactions first."))
    except RuleRun.DoesNotExist:
        messages.info(request, _("This run is undone already."))
    return redirect("rule", run.rule_id)


def say_changed(count: int) -> str:
    """Say how many transactions were changed."""
    sentence = ngettext("%(number)s transaction changed", "%(number)s transactions changed", count)
    return sentence % {"number": numbers.count(count)}


@require_POST
def switch_rule(request: AuthenticatedHttpRequest, rule_id: UUID) -> HttpResponse:
    """Turn a rule on or off."""
    try:
        rules.switch_rule(user=request.user, rule_id=rule_id, is_enabled="on" in request.POST)
    except CategoryRule.DoesNotExist:
        raise Http404 from None
    return redirect("rules")


@require_POST
def move_rule(request: AuthenticatedHttpRequest, rule_id: UUID) -> HttpResponse:
    """Move a rule one place up or down."""
    try:
        rules.move_rule(user=request.user, rule_id=rule_id, places=-1 if "up" in request.POST else 1)
    except CategoryRule.DoesNotExist:
        raise Http404 from None
    return redirect("rules")


@require_http_methods(["GET", "HEAD", "POST"])
def delete_rule(request: AuthenticatedHttpRequest, rule_id: UUID) -> HttpResponse:
    """Ask what becomes of what a rule has set, and delete it."""
    rule = get_object_or_404(CategoryRule.objects.for_user(request.user).select_related("account"), pk=rule_id)
    values = request.POST.get("values", "")
    if values in ("keep", "clear"):
        rules.delete_rule(user=request.user, rule_id=rule_id, clears=values == "clear")
        messages.success(request, _("Rule deleted"))
        return redirect("rules")
    count = rules.count_set_transactions(owner_id=request.user.pk, rule_id=rule_id)
    context = {"rule": rule, "count": count}
    return render(request, "banking/rule_delete.html", context, status=422 if request.method == "POST" else 200)
