"""What a person may ask of their transactions. A value that makes no sense is a field error, never ignored."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

import django_filters as filters
from django import forms
from django.db.models import Q, QuerySet

from banking.models import Account, Transaction
from banking.transactions.cash_flow import counted
from banking.transactions.categories import CHOICES, UNCATEGORIZED, category

LARGEST = Decimal(10) ** 15
DIRECTIONS = (("in", "Money in"), ("out", "Money out"))
COUNTED = (("yes", "Income and spending"), ("no", "Transfers, not counted"))
STATUSES = (("pending", "Pending"), ("posted", "Posted"))
LONGEST_CATEGORY = 100


def own_accounts(request: Any) -> QuerySet[Account]:
    """Each real account once, as it is read now."""
    return Account.objects.for_user(request.user).filter(successor=None).select_related("item").order_by("name", "id")


class AmountField(forms.DecimalField):
    """An amount within what a bank can mean; NaN, infinity and endless digits are refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=LARGEST, max_digits=25, decimal_places=10, **options)


class AmountFilter(filters.NumberFilter):
    field_class = AmountField

    def get_max_validator(self) -> None:
        return None


class TransactionFilterForm(forms.Form):
    """The filter's fields; a category that Plaid or the person made up is one more choice while it is asked for."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        asked, field = self.data.get("category", ""), cast(forms.ChoiceField, self.fields["category"])
        known = list(cast(Iterable[tuple[str, str]], field.choices))
        if asked and asked.isprintable() and len(asked) <= LONGEST_CATEGORY and asked not in dict(known):
            field.choices = [*known, (asked, category(asked).label)]


class TransactionFilter(filters.FilterSet):
    """The filter form of the transactions page and of its CSV file."""

    q = filters.CharFilter(label="Search", method="search", max_length=100)
    since = filters.DateFilter(label="From", field_name="day", lookup_expr="gte")
    until = filters.DateFilter(label="To", field_name="day", lookup_expr="lte")
    account = filters.ModelChoiceFilter(
        label="Account", queryset=own_accounts, method="of_account", empty_label="All accounts"
    )
    category = filters.ChoiceFilter(label="Category", choices=CHOICES, method="of_category", empty_label="All")
    direction = filters.ChoiceFilter(label="Direction", choices=DIRECTIONS, method="flowing", empty_label="Both")
    counted = filters.ChoiceFilter(label="Cash flow", choices=COUNTED, method="in_cash_flow", empty_label="All")
    min = AmountFilter(label="At least", method="at_least")
    max = AmountFilter(label="At most", method="at_most")
    pending = filters.ChoiceFilter(label="Status", choices=STATUSES, method="settled", empty_label="All")

    class Meta:
        model = Transaction
        form = TransactionFilterForm
        fields: tuple[str, ...] = ()

    def search(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        return rows.filter(Q(merchant_name__icontains=value) | Q(name__icontains=value) | Q(note__icontains=value))

    def of_account(self, rows: QuerySet[Transaction], name: str, value: Account) -> QuerySet[Transaction]:
        return rows.filter(account__in=[account.pk for account in value.with_former_accounts])

    def of_category(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        if value == UNCATEGORIZED:
            return rows.filter(user_category="", category="")
        return rows.filter(Q(user_category=value) | Q(user_category="", category=value))

    def flowing(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        return rows.filter(amount__gt=0) if value == "in" else rows.filter(amount__lt=0)

    def in_cash_flow(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        return rows.alias(counts=counted(self.request.user.pk)).filter(counts=value == "yes")

    def settled(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        return rows.filter(pending=value == "pending")

    def at_least(self, rows: QuerySet[Transaction], name: str, value: Decimal) -> QuerySet[Transaction]:
        return rows.filter(Q(amount__gte=value) | Q(amount__lte=-value))

    def at_most(self, rows: QuerySet[Transaction], name: str, value: Decimal) -> QuerySet[Transaction]:
        return rows.filter(amount__gte=-value, amount__lte=value)
