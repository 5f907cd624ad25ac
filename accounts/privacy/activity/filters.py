"""The filters of the activity log. An invalid value is a field error and never ignored."""

from datetime import date, datetime, time, timedelta

from django import forms
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.privacy.activity import labels
from accounts.users.models import User
from compliance.audit.events import AuditEvent

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2200, 1, 1)


class ActivityFilterForm(forms.Form):
    """Which events to show: a group of actions, days, and who did it."""

    group = forms.ChoiceField(
        label=_("Type of activity"),
        required=False,
        choices=[("", _("All activity")), *((name, label) for name, (label, _actions) in labels.GROUPS.items())],
    )
    since = forms.DateField(label=pgettext_lazy("date", "From"), required=False)
    until = forms.DateField(label=pgettext_lazy("date", "To"), required=False)
    by = forms.ChoiceField(
        label=_("Done by"),
        required=False,
        choices=[
            ("", _("Anyone")),
            (labels.BY_YOU, labels.ACTOR_LABELS[labels.BY_YOU]),
            (labels.BY_SITE, _("Plumbline, or someone who wasn't signed in")),
            (labels.BY_ADMINISTRATOR, labels.ACTOR_LABELS[labels.BY_ADMINISTRATOR]),
        ],
    )

    def select_events(self, user: User) -> QuerySet[AuditEvent]:
        """Select a person's events, newest first, by the valid fields. Needs the person as tenant."""
        events: QuerySet[AuditEvent] = AuditEvent.objects.filter(subject=user.pk)
        fields = self.cleaned_data
        if fields.get("group"):
            events = events.filter(action__in=labels.GROUPS[fields["group"]][1])
        if fields.get("since"):
            events = events.filter(at__gte=start_of_day(fields["since"]))
        if fields.get("until"):
            events = events.filter(at__lt=start_of_day(fields["until"]) + timedelta(days=1))
        if by := fields.get("by"):
            events = filter_by_actor(events, by)
        return events

    @property
    def is_active(self) -> bool:
        """Whether a filter is set."""
        return self.is_bound and any(self.data.get(name) for name in self.fields)


def filter_by_actor(events: QuerySet[AuditEvent], by: str) -> QuerySet[AuditEvent]:
    """Select what the person did, what nobody who was signed in did, or what someone else did."""
    if by == labels.BY_YOU:
        return events.filter(actor=F("subject"))
    if by == labels.BY_SITE:
        return events.filter(actor=None)
    return events.exclude(actor=None).exclude(actor=F("subject"))


def start_of_day(on: date) -> datetime:
    """Return the first moment of a day in the time zone of pages; days far away are brought nearer."""
    return timezone.make_aware(datetime.combine(min(max(on, FIRST_DAY), LAST_DAY), time.min))
