"""How a person wants to be told."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any, Final, NamedTuple
from zoneinfo import available_timezones

from django import forms
from django.forms import BoundField

from accounts.notifications.delivery_schedule import Pace
from accounts.notifications.models import NotificationSettings
from accounts.notifications.notification_types import WORDS, Channel, Kind, switch

PACES: Final = [
    (Pace.AT_ONCE.value, "At once"),
    (Pace.DAILY.value, "Once a day, at 8 a.m."),
    (Pace.WEEKLY.value, "Once a week, Mondays at 8 a.m."),
]
CLOCK: Final = {"type": "time", "autocomplete": "off"}
AMOUNT: Final = {"inputmode": "decimal", "autocomplete": "off"}
# Names without a place, of which each says the same as one with a place.
NOT_PLACES: Final = ("Etc/", "SystemV/", "US/")


@cache
def zones() -> list[tuple[str, str]]:
    """Every time zone that is named after a place, and UTC first."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith(NOT_PLACES))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]


class Switches(NamedTuple):
    """One kind's row of the form."""

    label: str
    app: BoundField
    mail: BoundField


class SettingsForm(forms.Form):
    """Switches for each kind and channel, the pace of mails, quiet hours, and what counts as a large amount."""

    pace = forms.ChoiceField(label="How often", choices=PACES)
    quiet_from = forms.TimeField(
        label="No mails from", required=False, widget=forms.TimeInput(format="%H:%M", attrs=CLOCK)
    )
    quiet_until = forms.TimeField(label="Until", required=False, widget=forms.TimeInput(format="%H:%M", attrs=CLOCK))
    zone = forms.ChoiceField(label="Your time zone", choices=zones)
    large_change = forms.DecimalField(
        label="A transaction is large from",
        help_text="In the currency of the account, in or out.",
        min_value=Decimal("0.01"),
        max_digits=14,
        decimal_places=2,
        widget=forms.TextInput(attrs=AMOUNT),
    )

    def __init__(self, data: Any = None, *, settings: NotificationSettings) -> None:
        names = ("pace", "quiet_from", "quiet_until", "zone", "large_change")
        initial = {name: getattr(settings, name) for name in names}
        initial |= {switch(kind, channel): settings.is_on(kind, channel) for kind in WORDS for channel in Channel}
        super().__init__(data, initial=initial)
        for kind, words in WORDS.items():
            for channel in Channel:
                field = forms.BooleanField(label=f"{words.label}: {channel}", required=False)
                self.fields[switch(kind, channel)] = field

    def switches(self) -> Iterator[Switches]:
        """The rows of switches, in the order of the list of kinds."""
        for kind, words in WORDS.items():
            yield Switches(words.label, self[switch(kind, Channel.APP)], self[switch(kind, Channel.MAIL)])

    def clean(self) -> dict[str, Any]:
        """Refuse quiet hours that have one end alone."""
        asked = self.cleaned_data
        if "quiet_from" in asked and "quiet_until" in asked:
            for missing, other in (("quiet_from", "quiet_until"), ("quiet_until", "quiet_from")):
                if asked[missing] is None and asked[other] is not None:
                    self.add_error(missing, "Quiet hours need a beginning and an end. Leave both empty for none.")
        return asked

    def wishes(self) -> dict[str, Any]:
        """What was chosen, as ``inbox.change_settings`` takes it."""
        asked = dict(self.cleaned_data)
        names = [switch(kind, channel) for kind in Kind for channel in Channel]
        off = [name for name in names if not asked.pop(name)]
        return {**asked, "off": off}


class UntilForm(forms.Form):
    """When a page of alerts was made."""

    until = forms.DateTimeField(input_formats=["%Y-%m-%dT%H:%M:%S.%f%z"])
