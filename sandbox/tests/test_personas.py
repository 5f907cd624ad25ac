import json
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from sandbox import personas
from sandbox.errors import PlaidError
from sandbox.personas import categories
from sandbox.personas.drafts import Book, TransactionDraft

pytestmark = pytest.mark.dates

TODAY = date(2026, 3, 17)
EVERYONE = ("user_good", "user_transactions_dynamic", "user_living", "user_messy", "user_scale_900")
BILL = "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"


def draw_persona(persona: str, today: date = TODAY, config: str = "") -> Book:
    return personas.draw(persona, config, "ins_109508", today)


def total(rows: list[TransactionDraft], **values: Any) -> Decimal:
    matching = [row for row in rows if all(getattr(row, name) == value for name, value in values.items())]
    return sum((row.amount for row in matching), Decimal(0))


@pytest.mark.parametrize("persona", EVERYONE)
def test_it_generates_the_same_book_twice(persona: str) -> None:
    assert draw_persona(persona) == draw_persona(persona)


@pytest.mark.parametrize("persona", EVERYONE)
def test_it_generates_transactions_oldest_first_and_none_of_tomorrow(persona: str) -> None:
    book = draw_persona(persona)
    days = [row.day for row in book.transactions if not row.pending]
    assert days == sorted(days)
    assert max(row.day for row in book.transactions) <= TODAY
    assert len({(row.account, row.key) for row in book.transactions}) == len(book.transactions)
    assert {row.account for row in book.transactions} <= {account.key for account in book.accounts}


@pytest.mark.parametrize("persona", EVERYONE)
def test_it_uses_categories_of_the_taxonomy_only(persona: str) -> None:
    for code in {row.category for row in draw_persona(persona).transactions} - {""}:
        assert categories.primary(code) in categories.PRIMARIES


def test_it_gives_user_good_the_twelve_published_accounts() -> None:
    seen = {a.mask: (a.name, a.available, a.current, a.limit) for a in draw_persona("user_good").accounts}
    assert seen["0000"] == ("Plaid Checking", 100, 110, None)
    assert seen["1111"] == ("Plaid Saving", 200, 210, None)
    assert seen["3333"] == ("Plaid Credit Card", None, 410, 2000)
    assert seen["4444"] == ("Plaid Money Market", 43200, 43200, None)
    assert seen["6666"] == ("Plaid 401k", None, Decimal("23631.9805"), None)
    assert seen["8888"] == ("Plaid Mortgage", None, Decimal("56302.06"), None)
    assert len(seen) == 12


@pytest.mark.parametrize("size", [0, 1, 7, 431, 432, 5000])
def test_it_generates_exactly_as_many_transactions_as_the_name_says(size: int) -> None:
    assert len(draw_persona(f"user_scale_{size}").transactions) == size


def test_it_has_both_legs_of_every_transfer_of_a_scale_persona() -> None:
    rows = draw_persona("user_scale_5000").transactions
    assert total(rows, category="TRANSFER_OUT_SAVINGS") == -total(rows, category="TRANSFER_IN_SAVINGS") == 24 * 300
    assert total(rows, category=BILL) == 0
    assert len([row for row in rows if row.category == BILL]) == 2 * 2 * 23


def test_it_spreads_a_scale_persona_over_two_years_and_several_accounts() -> None:
    book = draw_persona("user_scale_5000")
    assert (TODAY - min(row.day for row in book.transactions)).days in range(700, 731)
    assert {row.account for row in book.transactions} == {"checking", "savings", "card", "travel"}


def test_it_has_balances_that_match_the_transactions_of_a_scale_persona() -> None:
    book = draw_persona("user_scale_5000")
    for account in book.accounts:
        posted = total(book.transactions, account=account.key, pending=False)
        held = total(book.transactions, account=account.key, pending=True)
        assert account.current == (posted if account.owes else 2500 - posted)
        ceiling = account.limit - account.current if account.owes else account.current
        assert account.available == ceiling - held


def rows_by_key(book: Book) -> dict[str, tuple[Decimal, str, bool]]:
    return {row.key: (row.amount, row.account, row.pending) for row in book.transactions}


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2026, 2, 28), date(2026, 3, 24), date(2028, 2, 29)])
def test_it_adds_each_day_of_user_living_once(day: date) -> None:
    before, after = draw_persona("user_living", day - timedelta(days=1)), draw_persona("user_living", day)
    new_drafts = personas.next_day("user_living", "", "ins_109508", linked_on=day, day=day)
    rows = rows_by_key(before)
    for row in new_drafts:
        if row.replaces:
            rows.pop(row.replaces)
        rows[row.key] = (row.amount, row.account, row.pending)
    oldest = {row.key for row in before.transactions if row.day == day - timedelta(days=731)}
    assert {key: row for key, row in rows.items() if key not in oldest} == rows_by_key(after)


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2026, 3, 24), date(2026, 3, 10)])
def test_it_changes_balances_by_the_transactions_of_the_day(day: date) -> None:
    before, after = draw_persona("user_living", day - timedelta(days=1)), draw_persona("user_living", day)
    new_drafts = [
        row for row in personas.next_day("user_living", "", "ins_109508", linked_on=day, day=day) if not row.pending
    ]
    carried = {"cash": Decimal(0), "travel": Decimal(60) if day.day == 24 else Decimal(0)}
    for old, new in zip(before.accounts, after.accounts, strict=True):
        if old.owes:
            assert new.current - old.current == total(new_drafts, account=old.key) + carried[old.key]


def test_it_never_overdraws_the_checking_account_of_user_living() -> None:
    book = draw_persona("user_living")
    balance, lowest = Decimal(5200), Decimal(5200)
    for row in sorted(book.transactions, key=lambda row: row.day):
        if row.account == "checking" and not row.pending:
            balance -= row.amount
            lowest = min(lowest, balance)
    assert lowest > 0
    assert balance == next(account.current for account in book.accounts if account.key == "checking")


def test_it_pays_user_living_every_other_friday() -> None:
    days = [row.day for row in draw_persona("user_living").transactions if row.category == "INCOME_SALARY"]
    assert {day.weekday() for day in days} == {4}
    assert {(later - earlier).days for earlier, later in pairwise(days)} == {14}


def test_it_gives_user_living_refunds_and_pending_transactions() -> None:
    book = draw_persona("user_living", date(2026, 3, 15))
    refunds = [row for row in book.transactions if row.key.endswith("/refund")]
    assert refunds
    assert all(row.amount < 0 and row.category.startswith("GENERAL_MERCHANDISE_") for row in refunds)
    assert [row for row in book.transactions if row.pending]


def test_it_has_both_legs_of_user_living_s_card_payments() -> None:
    legs: dict[date, list[Decimal]] = defaultdict(list)
    for row in draw_persona("user_living").transactions:
        if row.category == BILL:
            legs[row.day].append(row.amount)
    assert len(legs) == 24
    assert all(len(amounts) == 4 and sum(amounts) == 0 for amounts in legs.values())


def test_it_has_every_unusual_value_in_user_messy() -> None:
    book = draw_persona("user_messy")
    assert {a.currency for a in book.accounts} == {"USD", "JPY", "BHD", None}
    assert {a.unofficial for a in book.accounts} == {None, "BTC"}
    assert any(a.mask is None for a in book.accounts)
    assert any(a.owes and a.current < 0 for a in book.accounts if a.current is not None)
    twins = Counter((r.account, r.day, r.amount, r.name) for r in book.transactions)
    assert max(twins.values()) == 2
    assert any(row.name == "" for row in book.transactions)
    assert any(row.category == "" for row in book.transactions)


CUSTOM_USER: dict[str, Any] = {
    "override_accounts": [
        {
            "type": "depository",
            "subtype": "checking",
            "starting_balance": 152854.23,
            "meta": {"name": "Gingham Bank", "official_name": "Gingham Checking", "mask": "3556"},
            "transactions": [
                {"date_transacted": "2021-08-21", "date_posted": "2021-08-22", "amount": 42.5, "currency": "USD",
                 "description": "Starbucks Coffee"},
                {"date_transacted": "2021-08-01", "date_posted": "2021-08-02", "amount": -7500, "currency": "USD",
                 "description": "ACME PAYROLL"},
            ],
        },
        {"type": "credit", "subtype": "credit card", "starting_balance": 100, "meta": {"limit": 5000, "name": "C"}},
        {"type": "loan", "subtype": "student", "liability": {"type": "student", "principal": 45123}},
    ]
}  # fmt: skip


def test_it_shifts_the_dates_of_a_custom_user_to_today() -> None:
    book = draw_persona("user_custom", config=json.dumps(CUSTOM_USER))
    salary, coffee = book.transactions
    assert (coffee.day, coffee.authorized, coffee.amount) == (date(2026, 3, 16), date(2026, 3, 15), Decimal("42.5"))
    assert (salary.day, salary.amount, salary.category) == (date(2026, 2, 24), -7500, "INCOME_SALARY")
    assert coffee.category == "FOOD_AND_DRINK_COFFEE"


def test_it_takes_a_custom_user_s_balances_from_the_json() -> None:
    checking, card, loan = draw_persona("user_custom", config=json.dumps(CUSTOM_USER)).accounts
    assert (checking.current, checking.available, checking.mask) == (Decimal("152854.23"), checking.current, "3556")
    assert (card.current, card.available, card.limit) == (100, 4900, 5000)
    assert (loan.current, loan.available, loan.name) == (45123, None, "Plaid Student")


@pytest.mark.parametrize(
    ("account", "mask"),
    [
        ({}, "0000"),
        ({"numbers": {"account": "1111222233337654"}}, "7654"),
        ({"numbers": {"international_iban": "GB33BUKB20201555555555", "international_bic": "BUKBGB22"}}, "5555"),
        ({"numbers": {"account": "1111222233337654"}, "meta": {"mask": "12"}}, "12"),
        ({"numbers": {"account": "1111222233337654"}, "meta": {"mask": ""}}, ""),
    ],
)
def test_it_derives_the_mask_of_a_custom_user_s_account_from_its_number(account: dict[str, Any], mask: str) -> None:
    config = {"override_accounts": [{"type": "depository", **account}]}
    assert [draft.mask for draft in draw_persona("user_custom", config=json.dumps(config)).accounts] == [mask]


def with_inflow(account: dict[str, Any], **model: Any) -> str:
    inflow = {"payment_day_of_month": 15, "statement_day_of_month": "1", "transaction_name": "Inflow", **model}
    return json.dumps({"override_accounts": [{**account, "inflow_model": inflow}]})


SPENDING = [
    {"date_transacted": day, "date_posted": day, "amount": amount, "description": "Shop"}
    for day, amount in (("2026-02-03", 40), ("2026-02-20", 2.5), ("2026-03-16", 7))
]


@pytest.mark.parametrize(
    ("account", "model", "amounts"),
    [
        ({"type": "depository"}, {"type": "monthly-income", "income_amount": 3100}, [-3100] * 24),
        ({"type": "credit", "transactions": SPENDING}, {"type": "monthly-balance-payment"}, [Decimal("-42.5")]),
        (
            {"type": "loan", "starting_balance": 12000, "liability": {"type": "student", "nominal_apr": 5}},
            {"type": "monthly-interest-only-payment"},
            [-50] * 24,
        ),
        ({"type": "depository"}, {"type": "none"}, []),
    ],
)
def test_it_adds_the_inflows_of_a_custom_user(
    account: dict[str, Any], model: dict[str, Any], amounts: list[Decimal]
) -> None:
    config = with_inflow(account, **model)
    drafts = draw_persona("user_custom", date(2026, 3, 17), config=config).transactions
    inflows = [draft for draft in drafts if draft.name == "Inflow"]
    assert [draft.amount for draft in inflows] == amounts
    assert {draft.day.day for draft in inflows} <= {15}


def test_it_goes_on_with_the_inflows_of_a_custom_user() -> None:
    config = with_inflow({"type": "depository"}, type="monthly-income", income_amount=3100)
    linked_on = date(2026, 3, 17)
    days = [linked_on + timedelta(days=ahead) for ahead in range(1, 61)]
    drafts = [
        draft
        for day in days
        for draft in personas.next_day("user_custom", config, "ins_109508", linked_on=linked_on, day=day)
    ]
    assert [draft.day for draft in drafts] == [date(2026, 4, 15), date(2026, 5, 15)]


@pytest.mark.parametrize(
    "model",
    [
        {"type": "weekly"},
        {"type": "monthly-income"},
        {"type": "monthly-income", "income_amount": 1, "payment_day_of_month": 31},
    ],
)
def test_it_refuses_an_invalid_inflow(model: dict[str, Any]) -> None:
    with pytest.raises(PlaidError, match="INVALID_CREDENTIALS"):
        personas.sign_in("user_custom", with_inflow({"type": "depository"}, **model))


def test_it_accepts_a_custom_user_of_the_published_size() -> None:
    entry = {"date_transacted": "2026-03-16", "date_posted": "2026-03-16", "amount": 5, "description": "x" * 120}
    config = json.dumps({"override_accounts": [{"type": "depository", "transactions": [entry] * 250}]})
    assert 50_000 < len(config) <= 55_000
    assert personas.sign_in("user_custom", config).config == config
    with pytest.raises(PlaidError, match="INVALID_CREDENTIALS"):
        personas.sign_in("user_custom", config + " " * 5_000)


def custom_user(transacted: date, posted: date) -> str:
    entry = {"date_transacted": str(transacted), "date_posted": str(posted), "amount": 5, "description": "Tea"}
    return json.dumps({"override_accounts": [{"type": "depository", "transactions": [entry]}]})


def test_it_keeps_transactions_pending_that_post_in_the_future() -> None:
    config = custom_user(date(2026, 3, 16), date(2026, 3, 20))
    [tea] = draw_persona("user_custom", date(2026, 3, 17), config=config).transactions
    assert (tea.pending, tea.day, tea.authorized) == (True, date(2026, 3, 16), date(2026, 3, 16))
    [tea] = draw_persona("user_custom", date(2026, 3, 20), config=config).transactions
    assert (tea.pending, tea.day) == (False, date(2026, 3, 20))


def test_it_posts_a_pending_transaction_only_on_its_day() -> None:
    linked_on, posts_on = date(2026, 3, 17), date(2026, 3, 20)
    config = custom_user(date(2026, 3, 16), posts_on)
    for ahead in range(12):
        day = linked_on + timedelta(days=ahead)
        drafts = personas.next_day("user_custom", config, "ins_109508", linked_on=linked_on, day=day)
        assert [(row.replaces, row.day, row.pending) for row in drafts] == [("0/0", posts_on, False)] * (
            day == posts_on
        )


@pytest.mark.parametrize(
    "config",
    ["not json", "[]", "{}", '{"override_accounts": []}', '{"override_accounts": [{"type": "pirate"}]}',
     '{"override_accounts": [{"type": "credit", "transactions": [{"amount": 1}]}]}', '{"override_accounts": [7]}',
     '{"override_accounts": 7}', '{"override_accounts": [{"type": "depository", "starting_balance": "NaN"}]}',
     '{"override_accounts": [{"type": "credit", "meta": {"limit": "-Infinity"}}]}',
     '{"override_accounts": [{"type": "credit", "transactions": [{"amount": "Infinity", "description": "x",'
     ' "date_transacted": "2026-01-01", "date_posted": "2026-01-01"}]}]}'],
)  # fmt: skip
def test_it_refuses_an_invalid_custom_user(config: str) -> None:
    with pytest.raises(PlaidError, match="INVALID_CREDENTIALS"):
        personas.sign_in("user_custom", config)


def test_it_asks_a_custom_user_for_the_second_factor_in_the_json() -> None:
    mfa = {"type": "questions", "question_rounds": 2, "questions_per_round": 1}
    assert personas.sign_in("user_custom", json.dumps({**CUSTOM_USER, "mfa": mfa})).mfa == "mfa_questions_2_1"


def test_it_refuses_a_custom_user_with_the_error_in_the_json() -> None:
    with pytest.raises(PlaidError, match="ITEM_LOCKED"):
        personas.sign_in("user_custom", json.dumps({**CUSTOM_USER, "force_error": "ITEM_LOCKED"}))


@pytest.mark.parametrize(
    ("username", "password", "code"),
    [
        ("user_good", "pass_bad", "INVALID_CREDENTIALS"),
        ("user_nobody", "pass_good", "INVALID_CREDENTIALS"),
        ("user_scale_x", "pass_good", "INVALID_CREDENTIALS"),
        ("user_good", "error_ITEM_LOCKED", "ITEM_LOCKED"),
        ("user_good", "error_INSTITUTION_DOWN", "INSTITUTION_DOWN"),
        ("user_good", "error_NO_SUCH_THING", "INVALID_CREDENTIALS"),
    ],
)
def test_it_refuses_an_invalid_login(username: str, password: str, code: str) -> None:
    with pytest.raises(PlaidError) as refusal:
        personas.sign_in(username, password)
    assert refusal.value.code == code


def test_it_accepts_any_password_of_the_dynamic_persona() -> None:
    assert personas.sign_in("user_transactions_dynamic", "whatever").persona == "user_transactions_dynamic"


def test_it_asks_for_a_device_and_then_its_code() -> None:
    device, code = personas.challenge("mfa_device", 0), personas.challenge("mfa_device", 1)
    assert device
    assert code
    assert device.accepts([device.prompts[0].options[1]])
    assert not device.accepts(["Pigeon"])
    assert code.accepts(["1234"])
    assert not code.accepts(["1235"])
    assert not code.accepts([])
    assert personas.challenge("mfa_device", 2) is None


def test_it_asks_as_many_questions_as_the_password_says() -> None:
    second = personas.challenge("mfa_questions_2_3", 1)
    assert second
    assert second.accepts(["answer_1_0", "answer_1_1", "answer_1_2"])
    assert not second.accepts(["answer_0_0", "answer_0_1", "answer_0_2"])
    assert personas.challenge("mfa_questions_2_3", 2) is None


@pytest.mark.parametrize(
    ("description", "amount", "code"),
    [
        ("Starbucks", "4.33", "FOOD_AND_DRINK_COFFEE"),
        ("Uber 072515 SF**POOL**", "6.33", "TRANSPORTATION_TAXIS_AND_RIDE_SHARES"),
        ("TRANSFER FROM SOMEBODY", "-10", "TRANSFER_IN_ACCOUNT_TRANSFER"),
        ("TRANSFER TO SOMEBODY", "10", "TRANSFER_OUT_ACCOUNT_TRANSFER"),
        ("INTRST PYMNT", "-4.22", "INCOME_INTEREST_EARNED"),
        ("zzz", "1", "OTHER_OTHER"),
        ("zzz", "-1", "INCOME_OTHER"),
    ],
)
def test_it_derives_a_category_from_description_and_sign(description: str, amount: str, code: str) -> None:
    assert categories.derive(description, Decimal(amount))[0] == code
    assert categories.primary(code)


def test_it_has_every_derived_category_in_both_versions() -> None:
    codes = {code for _, outflow, inflow in categories.WORD_PATTERNS for code in (outflow, inflow) if code}
    for code in codes:
        assert categories.finance_category(code, "LOW", "v2")
        former = categories.finance_category(code, "LOW", "v1")
        assert former
        assert former["primary"] not in ("OTHER", "LOAN_DISBURSEMENTS")


@pytest.mark.parametrize("description", ["STATMENT COPY", "Beginner", "Attaxia"])
def test_it_does_not_find_words_inside_other_words(description: str) -> None:
    assert categories.derive(description, Decimal(1)) == ("OTHER_OTHER", "LOW")
