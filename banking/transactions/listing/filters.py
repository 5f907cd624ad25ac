"""The filters of the transaction list. An invalid value is a field error and never ignored."""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, cast
from uuid import UUID

import django_filters as filters
from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from banking.models import Account, AccountQuerySet, Tag, Transaction, TransactionQuerySet, TransactionTag
from banking.transactions.cash_flow import is_in_cash_flow
from banking.transactions.categories import CATEGORY_CHOICES, UNCATEGORIZED, get_category

MAX_AMOUNT = Decimal(10) ** 15
DIRECTION_CHOICES = (("in", _("Money in")), ("out", _("Money out")))
CASH_FLOW_CHOICES = (("yes", _("Income and spending")), ("no", _("Not counted")))
HIDDEN_CHOICES = (("yes", _("Hidden transactions")),)
STATUS_CHOICES = (("pending", _("Pending")), ("posted", _("Posted")))
MAX_CATEGORY_LENGTH = 100


def selectable_accounts(request: Any) -> AccountQuerySet:
    """Each real account once, under the id that it has now; ``shown_or`` leaves out what is no choice."""
    accounts = Account.objects.for_user(request.user).filter(successor=None).select_related("item")
    return accounts.in_order_of_names()


def parse_id(text: str) -> UUID | None:
    """The id that a text is; ``None`` if it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def own_tags(request: Any) -> QuerySet[Tag]:
    """A user's tags in the order of the alphabet."""
    return Tag.objects.for_user(request.user).order_by(Lower("name"))


class AmountField(forms.DecimalField):
    """An amount of a plausible size; NaN, infinity and overlong numbers are invalid."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=MAX_AMOUNT, max_digits=25, decimal_places=10, **options)


class AmountFilter(filters.NumberFilter):
    field_class = AmountField

    def get_max_validator(self) -> None:
        return None


class TransactionFilterForm(forms.Form):
    """The filter's fields.

    A category outside the table is a choice only while it is requested, and so is an account that the user has hidden,
    or removed with its history.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        requested, field = self.data.get("category", ""), cast(forms.ChoiceField, self.fields["category"])
        known = list(cast(Iterable[tuple[str, str]], field.choices))
        if (
            requested
            and requested.isprintable()
            and len(requested) <= MAX_CATEGORY_LENGTH
            and requested not in dict(known)
        ):
            field.choices = [*known, (requested, str(get_category(requested).label))]
        account_field = cast("forms.ModelChoiceField[Account]", self.fields["account"])
        selectable = cast("AccountQuerySet", account_field.queryset)
        account_field.queryset = selectable.shown_or(parse_id(self.data.get("account", "")))


class TransactionFilter(filters.FilterSet):
    """The filters of the transactions page and of its CSV export."""

    q = filters.CharFilter(label=_("Search"), method="search", max_length=100)
    since = filters.DateFilter(label=pgettext_lazy("date", "From"), field_name="day", lookup_expr="gte")
    until = filters.DateFilter(label=pgettext_lazy("date", "To"), field_name="day", lookup_expr="lte")
    account = filters.ModelChoiceFilter(
        label=_("Account"), queryset=selectable_accounts, method="filter_account", empty_label=_("All accounts")
    )
    category = filters.ChoiceFilter(
        label=_("Category"), choices=CATEGORY_CHOICES, method="filter_category", empty_label=_("All categories")
    )
    direction = filters.ChoiceFilter(
        label=_("Direction"),
        choices=DIRECTION_CHOICES,
        method="filter_direction",
        empty_label=_("In and out"),
    )
    counted = filters.ChoiceFilter(
        label=_("Cash flow"), choices=CASH_FLOW_CHOICES, method="filter_cash_flow", empty_label=_("All transactions")
    )
    min = AmountFilter(label=_("Minimum amount"), method="filter_min")
    max = AmountFilter(label=_("Maximum amount"), method="filter_max")
    pending = filters.ChoiceFilter(
        label=_("Status"), choices=STATUS_CHOICES, method="filter_status", empty_label=_("Pending and posted")
    )
    tag = filters.ModelChoiceFilter(label=_("Tag"), queryset=own_tags, method="filter_tag", empty_label=_("All tags"))
    hidden = filters.ChoiceFilter(
        label=_("Hidden"), choices=HIDDEN_CHOICES, method="filter_hidden", empty_label=_("Not hidden")
    )

    class Meta:
        model = Transaction
        form = TransactionFilterForm
        fields: tuple[str, ...] = ()

    def filter_queryset(self, queryset: QuerySet[Transaction]) -> QuerySet[Transaction]:
        # A hidden row is in the list only if the user asks for the hidden ones.
        rows = cast(TransactionQuerySet, queryset).filter(hidden=self.form.cleaned_data["hidden"] == "yes")
        if self.form.cleaned_data["account"] is None:
            rows = rows.on_shown_accounts()
        return cast(QuerySet[Transaction], super().filter_queryset(rows))

    def search(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        texts = ("user_merchant", "merchant_name", "name", "note")
        return rows.filter(reduce(or_, (Q(**{f"{text}__icontains": value}) for text in texts)))

    def filter_account(self, rows: QuerySet[Transaction], name: str, value: Account) -> QuerySet[Transaction]:
        return rows.filter(account__in=[account.pk for account in value.with_former_accounts])

    def filter_category(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        if value == UNCATEGORIZED:
            return rows.filter(user_category="", category="")
        return rows.filter(Q(user_category=value) | Q(user_category="", category=value))

    def filter_direction(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        return rows.filter(amount__gt=0) if value == "in" else rows.filter(amount__lt=0)

    def filter_cash_flow(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        return rows.alias(counts=is_in_cash_flow(self.request.user.pk)).filter(counts=value == "yes")

    def filter_status(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        return rows.filter(pending=value == "pending")

    def filter_tag(self, rows: QuerySet[Transaction], name: str, value: Tag) -> QuerySet[Transaction]:
        return rows.filter(
            Exists(TransactionTag.objects.filter(transaction=OuterRef("pk"), tag=value, is_removed=False))
        )

    def filter_hidden(self, rows: QuerySet[Transaction], name: str, value: str) -> QuerySet[Transaction]:
        # See ``filter_queryset``.
        return rows

    def filter_min(self, rows: QuerySet[Transaction], name: str, value: Decimal) -> QuerySet[Transaction]:
        return rows.filter(Q(amount__gte=value) | Q(amount__lte=-value))

    def filter_max(self, rows: QuerySet[Transaction], name: str, value: Decimal) -> QuerySet[Transaction]:
        return rows.filter(amount__gte=-value, amount__lte=value)
