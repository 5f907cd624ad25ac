from datetime import date, timedelta

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from bench.plain.models import Account, Snapshot, Transaction

WINDOWS = (30, 90, 365)
HISTORY = 91
LATEST = 50


@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show accounts, spending in three periods, the balance over three months, and the latest transactions."""
    today = date.today()  # noqa: DTZ011
    rows = Transaction.objects.filter(owner=request.user, removed_at=None)
    context = {
        "accounts": Account.objects.filter(owner=request.user).select_related("item").order_by("name"),
        "spending": [(days, spending_by_category(rows, since=today - timedelta(days=days))) for days in WINDOWS],
        # Filters by both owners: one is the first column of the index by day, the other one finds the accounts.
        "history": Snapshot.objects.filter(
            owner=request.user,
            account__owner=request.user,
            account__type="depository",
            day__gte=today - timedelta(days=HISTORY),
        )
        .values("day")
        .annotate(balance=Sum("current"))
        .order_by("day"),
        "latest": rows.select_related("account").order_by("-day", "-id")[:LATEST],
    }
    return render(request, "dashboard.html", context)


def spending_by_category(rows: QuerySet[Transaction], *, since: date) -> "QuerySet[Transaction, dict[str, object]]":
    return rows.filter(day__gte=since, amount__lt=0).values("category").annotate(total=Sum("amount")).order_by("total")
