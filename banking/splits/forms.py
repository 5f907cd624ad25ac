"""The form in which a person splits a transaction: a row for each part."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.formsets import TOTAL_FORM_COUNT, BaseFormSet, ManagementForm, formset_factory
from django.http import QueryDict
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from banking.categorization.forms import Choices, TagsField, list_categories
from banking.models import Transaction
from banking.splits.amounts import MAX_PARTS, MIN_PARTS, ZERO
from banking.splits.splitting import PartValues
from banking.transactions.categories import get_category
from formats.money import currency_decimals, money, trim_zeros

PREFIX: Final = "part"


class PartForm(forms.Form):
    """One part. Its amount is positive in the direction of the whole, and empty if it takes what is left."""

    amount = forms.DecimalField(label=_("Amount"), required=False, max_digits=25, decimal_places=10)
    category = forms.ChoiceField(label=_("Category"), required=False)
    # As on the page of a part: an input of one line would lose the line breaks.
    note = forms.CharField(
        label=_("Note (optional)"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    tags = TagsField(help_text="")
    is_removed = forms.BooleanField(label=_("Remove this part"), required=False)

    def __init__(self, *args: Any, choices: Choices, decimals: int, **options: Any) -> None:
        super().__init__(*args, **options)
        cast(forms.ChoiceField, self.fields["category"]).choices = choices
        self.decimals = decimals

    def clean_amount(self) -> Decimal | None:
        """Raises ``ValidationError`` for zero, and for more decimals than the currency and the whole have."""
        amount: Decimal | None = self.cleaned_data["amount"]
        if amount == 0:
            raise ValidationError(_("Enter an amount other than zero, or leave it empty."))
        if amount is not None and count_decimals(amount) > self.decimals:
            raise ValidationError(say_most_decimals(self.decimals))
        return amount


@dataclass
class PartRow:
    """A valid row of the form, with its place. ``is_blank`` says that the person entered nothing."""

    form: PartForm
    place: int
    amount: Decimal | None
    is_blank: bool


class BasePartFormSet(BaseFormSet):  # type: ignore[type-arg]  # not generic at run time
    """All parts of a transaction. One part without an amount takes what is left; rows without anything are left out."""

    def __init__(self, data: QueryDict | None = None, *, row: Transaction, initial: list[dict[str, Any]]) -> None:
        self.row, self.entries = row, list[PartRow]()
        whole_decimals = count_decimals(row.amount)
        form_kwargs = {
            "choices": list_part_categories(row),
            "decimals": max(whole_decimals, currency_decimals(row.currency)[1]),
            # Otherwise a row that is sent empty would have no values.
            "empty_permitted": False,
        }
        super().__init__(data, prefix=PREFIX, initial=None if data else initial, form_kwargs=form_kwargs)

    def clean(self) -> None:
        """Let one part take what is left. Adds an error where the parts are not the whole."""
        if any(form.errors for form in self.forms):
            return
        whole = abs(self.row.amount)
        entries = [
            PartRow(form, place, form.cleaned_data["amount"], is_blank(form.cleaned_data, row=self.row))
            for place, form in enumerate(self.forms)
            if not form.cleaned_data["is_removed"]
        ]
        give_rest(entries, whole=whole)
        self.entries = [entry for entry in entries if entry.amount is not None]
        total = sum((entry.amount or ZERO for entry in self.entries), ZERO)
        if any(form.errors for form in self.forms):
            return
        if total != whole:
            raise ValidationError(say_difference(total, whole=whole, currency=self.row.currency))
        if len(self.entries) < MIN_PARTS:
            raise ValidationError(gettext("Enter at least two parts."))

    def build_parts(self, present: Sequence[Transaction]) -> list[PartValues]:
        """The valid rows as parts; the first ones are those that the transaction has already."""
        sign = 1 if self.row.amount > 0 else -1
        return [
            PartValues(
                amount=sign * (entry.amount or ZERO),
                part_id=present[entry.place].pk if entry.place < len(present) else None,
                **{name: entry.form.cleaned_data[name] for name in ("category", "note", "tags")},
            )
            for entry in self.entries
        ]


PartFormSet = cast(
    type[BasePartFormSet],
    formset_factory(
        PartForm, formset=BasePartFormSet, extra=0, min_num=MIN_PARTS, max_num=MAX_PARTS, absolute_max=MAX_PARTS
    ),
)


def list_part_categories(row: Transaction) -> Choices:
    """The choices of a part's category; the empty one is the bank's."""
    bank = gettext("As your bank says: %(category)s") % {"category": get_category(row.category).label}
    return list_categories(owner_id=row.owner_id, empty=bank)


def count_decimals(amount: Decimal) -> int:
    """How many decimals an amount has, without zeros at its end."""
    exponent = amount.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def say_most_decimals(count: int) -> str:
    """Say how many decimals an amount may have."""
    if not count:
        return gettext("Enter an amount without decimals.")
    return ngettext("Enter at most %(count)s decimal.", "Enter at most %(count)s decimals.", count) % {"count": count}


def is_blank(values: dict[str, Any], *, row: Transaction) -> bool:
    """Whether a row is as a new one is shown."""
    is_same_category = values["category"] in ("", row.user_category)
    return values["amount"] is None and not values["note"] and not values["tags"] and is_same_category


def give_rest(entries: Sequence[PartRow], *, whole: Decimal) -> None:
    """Give what is left of the whole to the row without an amount; rather to one with words than to a blank one."""
    empty = [entry for entry in entries if entry.amount is None]
    written = [entry for entry in empty if not entry.is_blank]
    rest = whole - sum((entry.amount or ZERO for entry in entries), ZERO)
    for entry in written[1:]:
        entry.form.add_error("amount", _("Enter an amount. Only one part can take what is left."))
    if rest > 0 and empty:
        (written or empty)[0].amount = rest
    elif written:
        written[0].form.add_error("amount", _("Nothing is left for this part."))


def say_difference(total: Decimal, *, whole: Decimal, currency: str) -> str:
    """Say that the parts are not the whole, with both sums."""
    sentence = gettext("The parts add up to %(total)s, and the transaction is %(whole)s. Change an amount.")
    return sentence % {"total": money(total, currency), "whole": money(whole, currency)}


# --- What the form begins with ----------------------------------------------------------------------------


def build_initial(row: Transaction, parts: Sequence[Transaction], tags: dict[Any, list[str]]) -> list[dict[str, Any]]:
    """The rows of the form: the parts that there are, or two new ones. ``tags`` are those of each part.

    Parts that count have the amounts that their page shows, and others those that the person entered.
    """
    sign = 1 if row.amount > 0 else -1
    return [
        {
            "amount": f"{trim_zeros(sign * shown_amount(part)):f}",
            "category": part.user_category,
            "note": part.note,
            "tags": ", ".join(tags.get(part.pk, ())),
        }
        for part in parts
    ] or [{"category": row.user_category} for _ in range(MIN_PARTS)]


def shown_amount(part: Transaction) -> Decimal:
    """The amount of a part with which the form begins."""
    return part.amount if part.removed_at is None else part.entered_amount or part.amount


def add_row(data: QueryDict, *, row: Transaction) -> list[dict[str, Any]]:
    """The rows of the form as they were sent, and one more if there may be more."""
    management = ManagementForm(data, prefix=PREFIX)
    management.is_valid()
    count = min(management.cleaned_data[TOTAL_FORM_COUNT] or MIN_PARTS, MAX_PARTS)
    rows: list[dict[str, Any]] = [
        {name: data.get(f"{PREFIX}-{place}-{name}", "") for name in PartForm.base_fields} for place in range(count)
    ]
    return [*rows, {"category": row.user_category}][:MAX_PARTS]
