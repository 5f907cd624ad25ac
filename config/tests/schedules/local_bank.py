"""One person's bank in the sandbox: its logins, and the same change at the bank for all of them.

A payment is known by its name, which no other payment has. Each login has rows of its own for it, with ids of its own,
because Plaid keeps one transaction log for each Item. Amounts have Plaid's sign: positive when money leaves.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.bank import accounts, items, mutations, transaction_log
from sandbox.context import AppContext
from sandbox.identifiers import new_id
from sandbox.personas.drafts import AccountDraft

Row = dict[str, Any]

INSTITUTION = "ins_109508"
WEBHOOK_URL = "https://plumbline.test/webhooks/plaid/"
ACCOUNTS = (
    AccountDraft("checking", "Checking", "depository", "checking", Decimal("1200.50"), Decimal("1100.50"), mask="0001"),
    AccountDraft("savings", "Savings", "depository", "savings", Decimal("9000"), Decimal("9000"), mask="0002"),
    AccountDraft(
        "card", "Card", "credit", "credit card", Decimal("410"), Decimal("1590"), Decimal("2000"), mask="0003"
    ),
)


@dataclass
class Login:
    """One Item: at Plaid and at the site. ``rows`` are what the site has kept of it since it was disconnected."""

    provider_item_id: str
    item_id: UUID
    connected_at: datetime
    is_linked: bool = True
    rows: list[Row] = field(default_factory=list)
    synced_at: datetime | None = None


class LocalBank:
    """The sandbox's ledgers of one person's logins at one bank."""

    def __init__(self, context: AppContext) -> None:
        self.context = context
        self.logins: list[Login] = []
        self.numbers = itertools.count(1)
        self.drafts = {draft.key: replace(draft, persistent=new_id()) for draft in ACCOUNTS}
        # Those of closed accounts included.
        self.every_draft = dict(self.drafts)

    @property
    def linked_logins(self) -> list[Login]:
        return [login for login in self.logins if login.is_linked]

    @property
    def today(self) -> date:
        return self.context.clock.today()

    # --- What the bank has -----------------------------------------------------------------------------------

    def get_item(self, login: Login) -> items.Item:
        return items.get(self.context, login.provider_item_id)

    def list_rows(self, login: Login) -> list[Row]:
        """The rows of a login's ledger now, each with the ``key`` of its account."""
        keys = self.account_keys(login)
        rows = transaction_log.current(self.context, login.provider_item_id)
        return [{**row, "key": keys[row["account_id"]]} for row in rows]

    def list_open_rows(self) -> list[Row]:
        """The rows of the first login whose accounts are open: what the bank may change."""
        if not self.linked_logins:
            return []
        keys = self.open_ids(self.linked_logins[0])
        return [row for row in self.list_rows(self.linked_logins[0]) if row["account_id"] in keys.values()]

    def account_keys(self, login: Login) -> dict[str, str]:
        """The key of each account that a login has had, by its id."""
        statement = "SELECT account_id, key FROM accounts WHERE item_id = ?"
        return {row["account_id"]: row["key"] for row in self.context.store.all(statement, login.provider_item_id)}

    def list_accounts(self, login: Login) -> list[accounts.Account]:
        """The open accounts of a login, with the balances that Plaid returns."""
        return accounts.of_item(self.context, login.provider_item_id)

    def open_ids(self, login: Login) -> dict[str, str]:
        """The ids of a login's open accounts, by their keys."""
        return {account.key: account.id for account in self.list_accounts(login)}

    # --- What changes there ----------------------------------------------------------------------------------

    def open_login(self, *, days: int) -> tuple[str, str]:
        """Create an Item that has the bank's payments of the last ``days``; returns its id and its access token."""
        item_id = new_id()
        items.create(
            self.context,
            item_id=item_id,
            institution_id=INSTITUTION,
            persona="user_good",
            config="",
            products=["transactions"],
            consented=[],
            webhook=WEBHOOK_URL,
            days_requested=days,
            account_ids=[],
        )
        open_drafts = self.drafts
        source = self.linked_logins[0] if self.linked_logins else None
        if source is not None:
            open_drafts = {account.key: account.draft for account in self.list_accounts(source)}
        ids = {key: accounts.open_account(self.context, item_id, draft) for key, draft in open_drafts.items()}
        since = (self.today - timedelta(days=days)).isoformat()
        rows = [row for row in (self.list_rows(source) if source else []) if row["date"] >= since and row["key"] in ids]
        copies = [self._copy_row(row, ids[row["key"]]) for row in rows]
        transaction_log.write_history(self.context, item_id, copies)
        items.update(self.context, item_id, initial_seq=len(copies) // 2)
        return item_id, items.grant(self.context, item_id=item_id)

    def _copy_row(self, row: Row, account_id: str) -> Row:
        pending_id = row["pending_transaction_id"]
        copy = {name: value for name, value in row.items() if name != "key"}
        return copy | {
            "account_id": account_id,
            "transaction_id": transaction_log.transaction_id(account_id, row["transaction_id"]),
            "pending_transaction_id": transaction_log.transaction_id(account_id, pending_id) if pending_id else None,
        }

    def mutate(self, login: Login, **mutation: Any) -> None:
        mutations.mutate(self.context, self.get_item(login), mutation)

    def set_state(self, login: Login, **change: Any) -> None:
        mutations.set_state(self.context, self.get_item(login), change)

    def add(self, *payments: Row) -> None:
        """Add payments, each with the ``key`` of its account, to every login that has it."""
        for login, ids in self._logins_with_ids():
            rows = [
                {name: value for name, value in payment.items() if name != "key"} | {"account_id": ids[payment["key"]]}
                for payment in payments
                if payment["key"] in ids
            ]
            if rows:
                self.mutate(login, add=rows)

    def modify(self, name: str, *, pending: bool, key: str = "", **columns: Any) -> None:
        """Change columns of a payment; ``key`` moves it to another account."""
        for login, ids in self._logins_with_ids():
            for row in self._find(login, name, pending):
                moved = {"account_id": ids[key]} if key else {}
                self.mutate(login, modify=[{"transaction_id": row["transaction_id"], **columns, **moved}])

    def remove(self, name: str, *, pending: bool) -> None:
        for login in self.linked_logins:
            if ids := [row["transaction_id"] for row in self._find(login, name, pending)]:
                self.mutate(login, remove=ids)

    def post(self, names: list[str], *, keep_pending: bool) -> None:
        """Post pending payments; with ``keep_pending`` the pending rows stay for now."""
        for login in self.linked_logins:
            ids = [row["transaction_id"] for name in names for row in self._find(login, name, pending=True)]
            posted = {row["pending_transaction_id"] for row in self.list_rows(login)}
            if due := [row_id for row_id in ids if row_id not in posted]:
                self.mutate(login, post_pending=due, keep_pending=keep_pending)

    def refresh(self, login: Login) -> None:
        """Let Plaid return the balances that the bank has now."""
        accounts.refresh(self.context, login.provider_item_id)

    def open_account(self, draft: AccountDraft) -> None:
        self.drafts[draft.key] = self.every_draft[draft.key] = draft
        for login in self.linked_logins:
            accounts.open_account(self.context, login.provider_item_id, draft)

    def close_account(self, key: str) -> None:
        self.drafts.pop(key)
        for login, ids in list(self._logins_with_ids()):
            if key in ids:
                self.mutate(login, close_account=ids[key])

    def next_amount(self) -> Decimal:
        """An amount that no other payment has."""
        return Decimal(next(self.numbers)) + Decimal("0.37")

    def _logins_with_ids(self) -> Iterator[tuple[Login, dict[str, str]]]:
        return ((login, self.open_ids(login)) for login in self.linked_logins)

    def _find(self, login: Login, name: str, pending: bool) -> list[Row]:
        return [row for row in self.list_rows(login) if row["name"] == name and row["pending"] == pending]
