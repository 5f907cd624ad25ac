"""The messages of notifications about the runway."""

from typing import ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.notifications.messages import MessageText, NotificationMessage, register_message


@register_message
class LowRunwayMessage(NotificationMessage, frozen=True):
    """The runway of one currency in whole months, rounded down. The currency may be empty."""

    code: ClassVar[str] = "low_runway"
    months: int
    currency: str

    def describe(self) -> MessageText:
        """Return the runway and what it is based on."""
        return MessageText(self._describe_months(), self._describe_sums())

    def _describe_months(self) -> str:
        if self.months < 1:
            return _("Less than a month of runway left")
        title = ngettext("About %(count)s month of runway left", "About %(count)s months of runway left", self.months)
        return title % {"count": self.months}

    def _describe_sums(self) -> str:
        if not self.currency:
            return _("This counts your bank balance and the net cash flow of the last 30 days in an unnamed currency.")
        text = _("This counts your bank balance and the net cash flow of the last 30 days in %(currency)s.")
        return text % {"currency": self.currency}
