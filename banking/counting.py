"""Which transactions are income or spending, for the ORM and for SQL that is written out; a test holds both together.

Not counted are transfers between own accounts, payments of a card whose purchases count already, borrowed money, and
whatever moves on accounts that are neither money in a bank nor a card, such as loans and investments. A person's own
category goes before what the bank says and before a pair that was found.
"""

from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from banking.categories import BORROWED, CARD_PAYMENT, TRANSFERS
from banking.models import Account, Transfer

COUNTED_TYPES: Final = ("depository", "credit")
UNCOUNTED: Final = TRANSFERS | BORROWED

# Of a row of banking_transaction that is called ``moved``; its account's type is asked beside it. ``{legs}`` is a query
# for the ids of legs of transfers, as many as can be among the rows.
COUNTED: Final = """
CASE WHEN moved.user_category <> '' THEN moved.user_category <> ALL (%(uncounted)s)
ELSE moved.category <> ALL (%(uncounted)s) AND moved.category_detail <> %(card_payment)s AND moved.id NOT IN ({legs})
END
"""
COUNTED_FACTS: Final[dict[str, Any]] = {"uncounted": sorted(UNCOUNTED), "card_payment": CARD_PAYMENT}


def counted(owner_id: UUID) -> Q:
    """The condition that one person's transaction counts."""
    accounts = Account.objects.filter(owner=owner_id, type__in=COUNTED_TYPES).values("pk")
    legs = Transfer.objects.filter(owner=owner_id)
    by_person = Q(user_category__gt="") & ~Q(user_category__in=UNCOUNTED)
    by_bank = (
        Q(user_category="")
        & ~Q(category__in=UNCOUNTED)
        & ~Q(category_detail=CARD_PAYMENT)
        & ~Q(pk__in=legs.values("money_out"))
        & ~Q(pk__in=legs.values("money_in"))
    )
    return Q(account__in=accounts) & (by_person | by_bank)
