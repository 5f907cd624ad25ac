"""The messages of notifications about banks."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.notifications.messages import MessageText, NotificationMessage, register_message
from banking.error_messages import access_message
from formats import dates
from formats.money import money

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class LostAccess(StrEnum):
    """The states of an Item without access to its bank."""

    REAUTH = "reauth"
    REPAIR = "repair"
    DISCONNECTED = "disconnected"


# With the bank's name, and without.
LOST_ACCESS_TITLES: Final[Mapping[LostAccess, tuple["StrOrPromise", "StrOrPromise"]]] = {
    LostAccess.REAUTH: (
        gettext_lazy("%(bank)s needs you to sign in again"),
        gettext_lazy("Your bank needs you to sign in again"),
    ),
    LostAccess.REPAIR: (
        gettext_lazy("%(bank)s needs to be reconnected"),
        gettext_lazy("Your bank needs to be reconnected"),
    ),
    LostAccess.DISCONNECTED: (
        gettext_lazy("We no longer have access to %(bank)s"),
        gettext_lazy("We no longer have access to your bank"),
    ),
}


@register_message
class ConnectionLostMessage(NotificationMessage, frozen=True):
    """A bank no longer gives access. ``provider`` is a key, and ``error_code`` and ``reason`` are that provider's."""

    code: ClassVar[str] = "connection_lost"
    state: LostAccess
    bank: str
    provider: str
    error_code: str
    reason: str = ""

    def describe(self) -> MessageText:
        """Return a title with the bank's name, and the reason."""
        with_name, without_name = LOST_ACCESS_TITLES[self.state]
        title = str(with_name) % {"bank": self.bank} if self.bank else str(without_name)
        return MessageText(title, access_message(self.provider, self.error_code, self.bank, reason=self.reason))


@register_message
class ConnectionExpiringMessage(NotificationMessage, frozen=True):
    """The access to a bank ends soon. Its name may be empty."""

    code: ClassVar[str] = "connection_expiring"
    bank: str
    expires_at: datetime

    def describe(self) -> MessageText:
        """Return a title with the day, and what to do."""
        day = dates.day(timezone.localdate(self.expires_at))
        named, unnamed = _("Access to %(bank)s ends on %(day)s"), _("Access to your bank ends on %(day)s")
        title = (named if self.bank else unnamed) % {"bank": self.bank, "day": day}
        return MessageText(title, _("Reconnect before then to keep syncing."))


@register_message
class LinkFailedMessage(NotificationMessage, frozen=True):
    """A link whose result was lost and could not be recovered. ``provider`` is the provider's name, not its key."""

    code: ClassVar[str] = "link_failed"
    provider: str

    def describe(self) -> MessageText:
        """Return the text that asks the user to connect the bank again."""
        text = _("We couldn't finish connecting your bank through %(provider)s. Connect it again.")
        return MessageText(_("A bank wasn't connected"), text % {"provider": self.provider})


@register_message
class LargeTransactionMessage(NotificationMessage, frozen=True):
    """A large amount, positive when money came in. All names but the account's may be empty."""

    code: ClassVar[str] = "large_transaction"
    amount: Decimal
    currency: str
    counterparty: str
    account: str
    mask: str
    bank: str

    def describe(self) -> MessageText:
        """Return the amount, the counterparty and the account."""
        title = _("%(amount)s came in: %(name)s") if self.amount > 0 else _("%(amount)s went out: %(name)s")
        values = {"amount": money(abs(self.amount), self.currency), "name": self.counterparty or _("Unknown")}
        return MessageText(title % values, self._describe_account())

    def _describe_account(self) -> str:
        account = f"{self.account} ••{self.mask}" if self.mask else self.account
        text = _("%(account)s, %(bank)s.") if self.bank else _("%(account)s.")
        return text % {"account": account, "bank": self.bank}


@register_message
class LargeTransactionsMessage(NotificationMessage, frozen=True):
    """Several large amounts at one bank, and the largest of them. Names may be empty."""

    code: ClassVar[str] = "large_transactions"
    count: int
    bank: str
    amount: Decimal
    currency: str
    counterparty: str

    def describe(self) -> MessageText:
        """Return how many there are, and the largest of them."""
        text = _("Largest: %(amount)s in, %(name)s.") if self.amount > 0 else _("Largest: %(amount)s out, %(name)s.")
        values = {"amount": money(abs(self.amount), self.currency), "name": self.counterparty or _("Unknown")}
        return MessageText(self._count_transactions(), text % values)

    def _count_transactions(self) -> str:
        named = ngettext(
            "%(count)s large transaction at %(bank)s", "%(count)s large transactions at %(bank)s", self.count
        )
        unnamed = ngettext(
            "%(count)s large transaction at your bank", "%(count)s large transactions at your bank", self.count
        )
        return (named if self.bank else unnamed) % {"count": self.count, "bank": self.bank}
