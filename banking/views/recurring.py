"""A user's recurring payments."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.users.requests import AuthenticatedHttpRequest
from banking.product_notices import list_recurring_notices
from banking.retention.transaction_rule import keeps_transactions
from banking.transactions.recurring import list_recurring_payments
from compliance.audit.daily_access import DataKind, record_data_access


@require_safe
def show_recurring(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show what comes in and goes out regularly, and what it comes to in a month."""
    payments = list_recurring_payments(request.user)
    if payments.inflows or payments.outflows or payments.ended:
        record_data_access(request.user.pk, DataKind.TRANSACTIONS)
    context = {
        "payments": payments,
        "notices": list_recurring_notices(request.user),
        "keeps_transactions": keeps_transactions(owner_id=request.user.pk),
    }
    return render(request, "banking/recurring.html", context)
