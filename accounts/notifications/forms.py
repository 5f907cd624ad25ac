"""The form for notification settings."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any, Final, NamedTuple
from zoneinfo import available_timezones

from django import forms
from django.forms import BoundField
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.notifications.delivery_schedule import Frequency
from accounts.notifications.models import NotificationSettings
from accounts.notifications.notification_types import OPTIONAL_TYPES, TEXTS, Channel, preference_key

FREQUENCIES: Final = [
    (Frequency.IMMEDIATE.value, _("Right away")),
    (Frequency.DAILY.value, _("Daily at 8 AM")),
    (Frequency.WEEKLY.value, _("Weekly on Mondays at 8 AM")),
]
TIME_ATTRS: Final = {"type": "time", "autocomplete": "off"}
AMOUNT_ATTRS: Final = {"inputmode": "decimal", "autocomplete": "off"}
# Prefixes of names without a city. Each such name is an alias of one with a city.
NAMES_WITHOUT_CITY: Final = ("Etc/", "SystemV/", "US/")


@cache
def list_time_zones() -> list[tuple[str, str]]:
    """List UTC, and every time zone that is named after a city."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(NAMES_WITHOUT_CITY))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class PreferenceRow(NamedTuple):
    """The two checkboxes of one notification type."""

    label: str | Promise
    app: BoundField
    mail: BoundField


class NotificationSettingsForm(forms.Form):
    """A checkbox for each type and channel, the frequency of digests, quiet hours, and the minimum of large amounts."""

    frequency = forms.ChoiceField(label=_("Frequency"), choices=FREQUENCIES)
    quiet_hours_start = forms.TimeField(
        label=_("Quiet hours start"), required=False, widget=forms.TimeInput(format="%H:%M", attrs=TIME_ATTRS)
    )
    quiet_hours_end = forms.TimeField(
        label=_("Quiet hours end"), required=False, widget=forms.TimeInput(format="%H:%M", attrs=TIME_ATTRS)
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=list_time_zones)
    large_transaction = forms.DecimalField(
        label=_("Alert me about amounts of at least"),
        help_text=_("For money in and money out, in the account's currency."),
        min_value=Decimal("0.01"),
        max_digits=14,
        decimal_places=2,
        widget=forms.TextInput(attrs=AMOUNT_ATTRS),
    )

    def __init__(self, data: Any = None, *, settings: NotificationSettings) -> None:
        names = ("frequency", "quiet_hours_start", "quiet_hours_end", "time_zone", "large_transaction")
        initial = {name: getattr(settings, name) for name in names}
        initial |= {
            preference_key(notification_type, channel): settings.is_enabled(notification_type, channel)
            for notification_type in OPTIONAL_TYPES
            for channel in Channel
        }
        super().__init__(data, initial=initial)
        for notification_type in OPTIONAL_TYPES:
            for channel in Channel:
                field = forms.BooleanField(label=str(TEXTS[notification_type].label), required=False)
                self.fields[preference_key(notification_type, channel)] = field

    def preference_rows(self) -> Iterator[PreferenceRow]:
        """Yield the rows of checkboxes, in the order of ``TEXTS``."""
        for notification_type in OPTIONAL_TYPES:
            yield PreferenceRow(
                TEXTS[notification_type].label,
                self[preference_key(notification_type, Channel.APP)],
                self[preference_key(notification_type, Channel.MAIL)],
            )

    def clean(self) -> dict[str, Any]:
        """Reject quiet hours with only one end."""
        cleaned = self.cleaned_data
        if "quiet_hours_start" in cleaned and "quiet_hours_end" in cleaned:
            for missing, other in (("quiet_hours_start", "quiet_hours_end"), ("quiet_hours_end", "quiet_hours_start")):
                if cleaned[missing] is None and cleaned[other] is not None:
                    self.add_error(missing, gettext("Enter a start and an end, or leave both empty."))
        return cleaned

    def preferences(self) -> dict[str, Any]:
        """Return the choices as arguments of ``inbox.change_settings``."""
        chosen = dict(self.cleaned_data)
        names = [
            preference_key(notification_type, channel) for notification_type in OPTIONAL_TYPES for channel in Channel
        ]
        disabled = [name for name in names if not chosen.pop(name)]
        return {**chosen, "disabled": disabled}


class MarkAllReadForm(forms.Form):
    """The time at which the page of notifications was rendered."""

    until = forms.DateTimeField(input_formats=["%Y-%m-%dT%H:%M:%S.%f%z"])
