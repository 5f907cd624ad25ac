"""The state of one schedule: the bank, the site's person, what that person said, and the jobs that wait.

A step is a function of this state, registered by ``@step(weight)`` in ``bank_steps``, ``person_steps`` or
``site_steps``. It takes its choices from ``schedule.random``, which has a seed of its own for each step: so a failing
schedule still fails in the same way after other steps were left out.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

from accounts.models import User
from banking.models import Institution, Item, Transaction
from banking.webhooks.inbox import release_orphans
from compliance.isolation import tenant
from compliance.isolation.tenant import without_tenant
from config.tests.schedules.local_bank import INSTITUTION, LocalBank, Login
from config.tests.schedules.surroundings import Surroundings

# Names of payments begin with one of these; rules look for it.
PAYEES = ("CORNER CAFE", "BOOKSHOP", "GROCER", "GYM", "EMPLOYER")
SPENDING = (
    "FOOD_AND_DRINK_COFFEE",
    "TRAVEL_FLIGHTS",
    "GENERAL_MERCHANDISE_SUPERSTORES",
    "FOOD_AND_DRINK_GROCERIES",
    "",
)
OTHER_CATEGORIES = (
    "INCOME_DIVIDENDS",
    "TRANSFER_OUT_ACCOUNT_TRANSFER",
    "TRANSFER_IN_DEPOSIT",
    "INCOME_INTEREST_EARNED",
)


@dataclass
class OwnWords:
    """What the person said about a payment; ``None`` where nothing was decided."""

    category: str | None = None
    merchant: str | None = None
    hidden: bool | None = None
    note: str = ""
    tags: set[str] = field(default_factory=set)


@dataclass
class Rule:
    """A rule for all payments of one payee. ``run_id`` is its last run."""

    rule_id: UUID
    category: str
    rename: str
    hides: bool
    tag: str
    run_id: UUID | None = None


@dataclass
class TransferPair:
    """Two payments of the same amount between own accounts, and what the person decided about them."""

    money_out: str
    money_in: str
    is_joined: bool | None = None


Step = Callable[["Schedule"], None]
STEPS: dict[str, tuple[int, Step]] = {}


def step(weight: int) -> Callable[[Step], Step]:
    """Register a step, which is chosen in proportion to its weight."""

    def register(function: Step) -> Step:
        STEPS[function.__name__] = weight, function
        return function

    return register


class Schedule:
    """One run of random steps for one person."""

    def __init__(self, surroundings: Surroundings, user: User, *, seed: int) -> None:
        self.surroundings, self.user = surroundings, user
        self.context, self.points, self.clock = surroundings.context, surroundings.points, surroundings.clock
        self.random = Random(seed)  # noqa: S311  (chooses steps, hides nothing)
        self.bank = LocalBank(self.context)
        self.said: dict[str, OwnWords] = {}
        self.rules: dict[str, Rule] = {}
        self.pairs: list[TransferPair] = []
        # The bodies of webhooks that the sandbox has sent and that are still on their way.
        newest = self.context.store.one("SELECT max(id) AS id FROM outbox")
        self.last_webhook = (newest["id"] if newest else 0) or 0
        self.webhooks: list[str] = []
        self.has_damaged_row = False

    # --- Time ------------------------------------------------------------------------------------------------

    def advance(self, **step: float) -> None:
        """Let time pass, for all clocks. What was parked in Redis is free again after a minute."""
        passed = timedelta(**step)
        self.clock.shift(passed)
        if passed >= timedelta(minutes=1):
            self.surroundings.limits_key = uuid4().hex

    @contextmanager
    def clock_skew(self, ahead: timedelta) -> Iterator[None]:
        """Let this process's clock be ``ahead`` of the database's in the block."""
        self.clock.shift(ahead)
        self.surroundings.skew = -ahead
        try:
            yield
        finally:
            self.surroundings.skew = timedelta(0)
            self.clock.shift(-ahead)

    # --- The site --------------------------------------------------------------------------------------------

    def link(self, *, days: int, before_stored: Callable[[str], None] | None = None) -> Login:
        """Store a new Item, as the exchange of a public token does."""
        provider_item_id, token = self.bank.open_login(days=days)
        if before_stored is not None:
            before_stored(provider_item_id)
        institution, _ = Institution.objects.get_or_create(
            provider="plaid", provider_id=INSTITUTION, defaults={"name": "First Platypus Bank"}
        )
        with tenant(self.user.pk):
            item = Item.objects.create(
                owner=self.user,
                environment="embedded",
                provider_item_id=provider_item_id,
                access_token=token,
                institution=institution,
                institution_name=institution.name,
            )
            release_orphans(item=item)
        login = Login(provider_item_id, item.pk, item.connected_at)
        self.bank.logins.append(login)
        return login

    def get_item(self, login: Login) -> Item:
        with without_tenant(), tenant(self.user.pk):
            return Item.objects.get(pk=login.item_id)

    def list_shown(self) -> list[Transaction]:
        """The rows that the site shows now, hidden ones included."""
        with without_tenant(), tenant(self.user.pk):
            rows = Transaction.objects.filter(owner=self.user.pk, removed_at=None)
            return list(rows.order_by("name", "pending", "amount"))

    def about(self, name: str) -> OwnWords:
        """What the person has said about a payment."""
        return self.said.setdefault(name, OwnWords())

    # --- Choices ---------------------------------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def choose_login(self) -> Login | None:
        return self.random.choice(self.bank.linked_logins) if self.bank.linked_logins else None

    def new_payment(self, **columns: Any) -> dict[str, Any]:
        """A payment that the bank may add: mostly spending, sometimes income, a refund or a transfer by its category.

        Positive amounts leave the account, as at Plaid.
        """
        bank, random = self.bank, self.random
        number = bank.next_amount()
        category = random.choice(SPENDING) if random.random() < 0.8 else random.choice(OTHER_CATEGORIES)
        comes_in = category.startswith(("INCOME", "TRANSFER_IN")) or (category in SPENDING and random.random() < 0.1)
        day = bank.today - timedelta(days=random.choice((0, 0, 1, 2, 5, 12, 28, 29, 30, 40)))
        authorized = day - timedelta(days=random.choice((0, 1, 2))) if random.random() < 0.5 else None
        keys = sorted(bank.drafts)
        return {
            "key": random.choice(keys),
            "name": f"{random.choice(PAYEES)} {int(number)}",
            "amount": -number if comes_in else number,
            "date": day.isoformat(),
            "authorized_date": authorized.isoformat() if authorized else None,
            "category": category,
            "merchant_name": random.choice((None, None, f"Merchant {int(number)}")),
            "pending": random.random() < 0.35,
            **columns,
        }
