"""The form on which a person chooses how long data of one type is kept."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.retention import RetentionRule

UNTIL_DELETION: Final = "all"


class RetentionForm(forms.Form):
    """A period of one rule, and whether it counts now."""

    at_once = forms.BooleanField(label=_("Delete now instead of in 7 days"), required=False)

    def __init__(self, data: Any = None, *, rule: RetentionRule, chosen: int | None = None) -> None:
        super().__init__(data)
        self.fields["period"] = forms.TypedChoiceField(
            label=_("Keep for"),
            widget=forms.RadioSelect,
            choices=[(choice.value, choice.label) for choice in rule.choices],
            initial=next(choice.value for choice in rule.choices if choice.days == chosen),
            coerce=parse_period,
        )

    @property
    def days(self) -> int | None:
        """The chosen period in days; ``None`` is until the account is deleted."""
        days: int | None = self.cleaned_data["period"]
        return days


def parse_period(value: str) -> int | None:
    """Return the days of a submitted period."""
    return None if value == UNTIL_DELETION else int(value)
