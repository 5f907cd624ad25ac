"""Why a product of an Item has nothing to show, or nothing new, in calm words, and what the user can do about it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from banking.error_advice import UserAction
from banking.error_messages import access_message, bank_name
from banking.linking.data_consent import list_covered_products
from banking.models import Account, Connection, Item, ItemProduct, Liability, Product
from banking.retention import transaction_rule

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Status = ItemProduct.Status

# For codes without a sentence in the provider's table of errors.
MESSAGES: Final = {
    Status.UNSUPPORTED: _("%(bank)s doesn't offer this data."),
    Status.NOT_CONSENTED: _("%(bank)s needs your approval to share this. Review access to allow it."),
    Status.PENDING: _("This isn't available from %(bank)s yet. It appears after a sync."),
    Status.ERROR: _("We couldn't update this from %(bank)s. A later sync tries again."),
}
NOT_SYNCED: Final = _("We don't sync %(bank)s now, so this isn't updated.")
NOT_AGREED: Final = _(
    "You agreed to an earlier text about bank data, which doesn't cover this. Review access to agree to the new one."
)


@dataclass(frozen=True, slots=True)
class ProductNotice:
    """One sentence about a product of an Item, the action that a page offers, and a code for support; may be empty."""

    item: Item
    text: "StrOrPromise"
    action: UserAction = UserAction.NONE
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """The last known terms of a card or loan, if there are any, and a notice if the last read brought none."""

    liability: Liability | None
    notice: ProductNotice | None


def get_account_terms(account: Account, *, user: User) -> AccountTerms | None:
    """The terms of a user's account, loaded with its Item; ``None`` for an account that is no debt.

    Of one that the user removed, only what was kept, and ``None`` without that.
    """
    if not account.is_debt:
        return None
    liability = Liability.objects.filter(account=account).prefetch_related("aprs").first()
    if account.user_removed_at is not None:
        return AccountTerms(liability, notice=None) if liability else None
    row = ItemProduct.objects.filter(item=account.item_id, product=Product.LIABILITIES).first()
    is_covered = liability is not None or Product.LIABILITIES in list_covered_products(user_id=user.pk)
    return AccountTerms(liability, describe_product(item=account.item, row=row, is_covered=is_covered))


def list_recurring_notices(user: User) -> list[ProductNotice]:
    """A notice for each of the user's banks whose recurring payments could not be read; none are if nothing is kept."""
    if not transaction_rule.keeps_transactions(owner_id=user.pk):
        return []
    items = Item.objects.for_user(user).visible().order_by("connected_at", "id")
    rows = {row.item_id: row for row in ItemProduct.objects.for_user(user).filter(product=Product.RECURRING)}
    is_covered = Product.RECURRING in list_covered_products(user_id=user.pk)
    notices = (describe_product(item=item, row=rows.get(item.pk), is_covered=is_covered) for item in items)
    return [notice for notice in notices if notice is not None]


def describe_product(*, item: Item, row: ItemProduct | None, is_covered: bool) -> ProductNotice | None:
    """The notice of one product; ``None`` if all of it was read. ``is_covered`` says that the user agreed to it here.

    Without a row, the provider has not said yet whether it offers the product.
    """
    bank = item.institution_name
    if item.connection != Connection.ACTIVE:
        return ProductNotice(item, str(NOT_SYNCED) % {"bank": bank_name(bank)})
    status = Status.PENDING if row is None else Status(row.status)
    if row is not None and status == Status.READY:
        return describe_skipped_rows(item=item, count=row.skipped_rows) if row.skipped_rows else None
    if status == Status.PENDING and not is_covered:
        return ProductNotice(item, NOT_AGREED, UserAction.REVIEW_CONSENT)
    code = "" if row is None else row.error_code
    message = access_message(item.provider, code, bank) if status == Status.UNSUPPORTED else ""
    return ProductNotice(
        item=item,
        text=message or str(MESSAGES[status]) % {"bank": bank_name(bank)},
        action=UserAction.REVIEW_CONSENT if status == Status.NOT_CONSENTED else UserAction.NONE,
        error_code=code if status == Status.ERROR else "",
    )


def describe_skipped_rows(*, item: Item, count: int) -> ProductNotice:
    """The notice that some rows of a product could not be stored."""
    text = ngettext(
        "We couldn't read %(count)s part of this from %(bank)s, so it's missing here.",
        "We couldn't read %(count)s parts of this from %(bank)s, so they're missing here.",
        count,
    )
    return ProductNotice(item, text % {"count": count, "bank": bank_name(item.institution_name)})
