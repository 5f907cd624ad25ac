"""Forms about transactions: of one, of those that are selected in the list, and of rules."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from banking.categorization import tags
from banking.categorization.bulk_edits import MAX_ROWS, BulkAction, BulkEdit
from banking.categorization.editing import TransactionEdit
from banking.categorization.rules import RuleValues
from banking.models import Account, CategoryRule, Transaction
from banking.transactions.categories import CATEGORIES, UNCATEGORIZED, get_category

MAX_CATEGORY_LENGTH = 60
OWN_CATEGORY_HELP = _("Used instead of the category above.")
TAGS_HELP = _("Separate tags with commas.")

Choices = list[tuple[str, Any]]


def list_categories(*, owner_id: UUID, empty: str) -> Choices:
    """The choices of a category: none, called ``empty``, those that everybody has, and the person's own."""
    used = Transaction.objects.filter(owner=owner_id).exclude(user_category="").values_list("user_category", flat=True)
    own = sorted(set(used.distinct()) - CATEGORIES.keys())
    known = [(code, category.label) for code, category in CATEGORIES.items()]
    return [("", empty), *known, *((name, get_category(name).label) for name in own)]


def clean_own_category(name: str) -> str:
    """A category as a person wrote it; a known one by its code. Raises ``ValidationError``."""
    text = " ".join(name.split())
    labels = {str(category.label).casefold(): code for code, category in CATEGORIES.items()}
    if text in CATEGORIES or text.casefold() in labels:
        return labels.get(text.casefold(), text)
    if text.upper() == UNCATEGORIZED:
        raise ValidationError(_("Enter another name for this category."))
    return text


class OwnCategoryField(forms.CharField):
    """A category in a person's own words."""

    def __init__(self, **options: Any) -> None:
        options = {"label": _("Your own category (optional)"), "help_text": OWN_CATEGORY_HELP} | options
        super().__init__(max_length=MAX_CATEGORY_LENGTH, required=False, **options)

    def clean(self, value: Any) -> str:
        return clean_own_category(super().clean(value))


class TagsField(forms.CharField):
    """Tags with commas between them."""

    def __init__(self, **options: Any) -> None:
        options = {"label": _("Tags (optional)"), "help_text": TAGS_HELP} | options
        super().__init__(max_length=1000, required=False, **options)

    def clean(self, value: Any) -> tuple[str, ...]:  # type: ignore[override]  # the names instead of the text
        return tuple(tags.parse_tag_names(super().clean(value)))


class TransactionForm(forms.Form):
    """What a person says about one transaction."""

    category = forms.ChoiceField(label=_("Category"), required=False)
    own_category = OwnCategoryField()
    merchant = forms.CharField(label=_("Name (optional)"), max_length=100, required=False)
    tags = TagsField()
    note = forms.CharField(
        label=_("Note (optional)"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    hidden = forms.BooleanField(
        label=_("Hide this transaction"),
        help_text=_("It counts in no total, and you find it only with the filter for hidden transactions."),
        required=False,
    )

    def __init__(self, data: QueryDict | None = None, *, row: Transaction, tag_names: list[str]) -> None:
        initial = {
            "category": row.user_category,
            "merchant": row.user_merchant,
            "note": row.note,
            "hidden": row.hidden,
            "tags": ", ".join(tag_names),
        }
        super().__init__(data, initial=initial)
        bank = gettext("As your bank says: %(category)s") % {"category": get_category(row.category).label}
        field = cast(forms.ChoiceField, self.fields["category"])
        field.choices = list_categories(owner_id=row.owner_id, empty=bank)
        help_text = gettext("Your bank calls it “%(name)s”.") % {"name": row.bank_label}
        self.fields["merchant"].help_text = help_text
        self.fields["merchant"].widget.attrs["autocomplete"] = "off"

    def build_edit(self) -> TransactionEdit:
        """The valid form as an edit."""
        values = self.cleaned_data
        return TransactionEdit(
            category=values["own_category"] or values["category"],
            merchant=" ".join(values["merchant"].split()),
            note=values["note"],
            hidden=values["hidden"],
            tags=values["tags"],
        )


class BulkForm(forms.Form):
    """What to do with the transactions that are selected in the list."""

    row = forms.TypedMultipleChoiceField(coerce=UUID, error_messages={"required": _("Select transactions first.")})
    action = forms.ChoiceField(choices=[(action.value, action.value) for action in BulkAction])
    category = forms.ChoiceField(label=_("Category"), required=False)
    own_category = OwnCategoryField(label=_("Or your own category"), help_text="")
    tags = TagsField(label=_("Tags"), help_text="")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(code, category.label) for code, category in CATEGORIES.items()]
        cast(forms.ChoiceField, self.fields["category"]).choices = [("", _("As your bank says")), *choices]
        rows = cast(QueryDict, self.data).getlist("row")[: MAX_ROWS + 1] if self.is_bound else []
        field = cast(forms.TypedMultipleChoiceField, self.fields["row"])
        field.choices = [(row, row) for row in rows if is_id(row)]

    def clean_row(self) -> list[UUID]:
        """The ids. Raises ``ValidationError`` if there are too many."""
        rows: list[UUID] = self.cleaned_data["row"]
        if len(rows) > MAX_ROWS:
            raise ValidationError(gettext("Select at most %(count)s transactions.") % {"count": MAX_ROWS})
        return rows

    def clean(self) -> dict[str, Any]:
        """Require a tag for actions that need one."""
        values = super().clean() or {}
        needs_tags = values.get("action") in (BulkAction.ADD_TAG, BulkAction.REMOVE_TAG)
        if needs_tags and not values.get("tags") and "tags" not in self.errors:
            self.add_error("tags", _("Enter a tag, like “vacation”."))
        return values

    def build_edit(self) -> BulkEdit:
        """The valid form as an edit."""
        values = self.cleaned_data
        return BulkEdit(
            action=BulkAction(values["action"]),
            category=values["own_category"] or values["category"],
            tags=values["tags"],
        )


def is_id(text: str) -> bool:
    """Whether a text is the id of a row."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class RuleForm(forms.Form):
    """The conditions of a rule, and what it sets."""

    merchant = forms.CharField(
        label=_("Merchant (optional)"),
        help_text=_("The whole name, as your bank writes it. Capital letters don't matter."),
        max_length=200,
        required=False,
    )
    name_part = forms.CharField(
        label=_("Words in the name (optional)"), help_text=_("A part of the name."), max_length=200, required=False
    )
    direction = forms.ChoiceField(
        label=_("Direction"), choices=[("", _("In and out")), *CategoryRule.Direction.choices], required=False
    )
    min_amount = forms.DecimalField(
        label=_("Minimum amount (optional)"), min_value=0, max_digits=25, decimal_places=10, required=False
    )
    max_amount = forms.DecimalField(
        label=_("Maximum amount (optional)"), min_value=0, max_digits=25, decimal_places=10, required=False
    )
    account = forms.ModelChoiceField(
        label=_("Account"), queryset=Account.objects.none(), required=False, empty_label=_("All accounts")
    )
    category = forms.ChoiceField(label=_("Category"), required=False)
    own_category = OwnCategoryField()
    rename = forms.CharField(
        label=_("Name (optional)"),
        help_text=_("The name that you want to see instead of your bank's."),
        max_length=100,
        required=False,
    )
    tags = TagsField()
    hides = forms.BooleanField(label=_("Hide these transactions"), required=False)

    def __init__(self, *args: Any, owner_id: UUID, accounts: QuerySet[Account], **options: Any) -> None:
        super().__init__(*args, **options)
        cast("forms.ModelChoiceField[Account]", self.fields["account"]).queryset = accounts
        field = cast(forms.ChoiceField, self.fields["category"])
        field.choices = list_categories(owner_id=owner_id, empty=gettext("Don't change the category"))

    def clean(self) -> dict[str, Any]:
        """Require a condition that limits the rule, and something that it sets."""
        values = super().clean() or {}
        conditions = ("merchant", "name_part", "account", "min_amount", "max_amount")
        if not self.errors and all(values[name] in ("", None) for name in conditions):
            self.add_error("merchant", _("Enter a merchant, words, an account, or an amount."))
        if not self.errors and not any(
            values[name] for name in ("category", "own_category", "rename", "tags", "hides")
        ):
            self.add_error("category", _("Choose what the rule changes."))
        low, high = values.get("min_amount"), values.get("max_amount")
        if low is not None and high is not None and low > high:
            self.add_error("max_amount", _("Enter an amount that isn't below the minimum."))
        return values

    def build_values(self) -> RuleValues:
        """The valid form as the values of a rule."""
        values = dict(self.cleaned_data)
        own_category = values.pop("own_category")
        texts = {name: " ".join(values[name].split()) for name in ("merchant", "name_part", "rename")}
        return RuleValues(**values | texts | {"category": own_category or values["category"]})


def get_initial_values(rule: CategoryRule) -> dict[str, Any]:
    """The values of a stored rule, for its form. Its account is the one that represents the same real account now."""
    names = ("merchant", "name_part", "direction", "category", "rename", "hides")
    account = rule.account and (rule.account.successor or rule.account)
    amounts = {name: normalize_amount(getattr(rule, name)) for name in ("min_amount", "max_amount")}
    tag_names = ", ".join(sorted(rule_tag.tag.name for rule_tag in rule.rule_tags.select_related("tag")))
    return {name: getattr(rule, name) for name in names} | amounts | {"account": account, "tags": tag_names}


def normalize_amount(amount: Any) -> str:
    """An amount without trailing zeros; empty for none."""
    return "" if amount is None else f"{amount.normalize():f}"
