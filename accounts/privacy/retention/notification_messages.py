"""The messages of notifications about a person's own data."""

from datetime import date
from typing import ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.notifications.messages import MessageText, NotificationMessage, register_message
from compliance.retention import get_rule
from formats import dates, numbers


@register_message
class RetentionNoticeMessage(NotificationMessage, frozen=True):
    """From ``starts_on`` data of one type is kept for ``days`` days; the first purge takes ``count`` rows."""

    code: ClassVar[str] = "retention_notice"
    data_type: str
    days: int
    count: int
    starts_on: date

    def describe(self) -> MessageText:
        """Return from when what is deleted, and how many rows at first."""
        rule = get_rule(self.data_type)
        title = _("Old data will be deleted on %(day)s") % {"day": dates.day(self.starts_on)}
        text = ngettext(
            "%(type)s, kept for: %(period)s. The first deletion takes %(count)s entry. You can still change this.",
            "%(type)s, kept for: %(period)s. The first deletion takes %(count)s entries. You can still change this.",
            self.count,
        )
        values = {"type": rule.label, "period": rule.label_for(self.days), "count": numbers.count(self.count)}
        return MessageText(title, text % values)
