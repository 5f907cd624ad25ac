"""user_messy: accounts and transactions with unusual values that break software. Our own persona."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sandbox.personas.drafts import AccountDraft, Book, TransactionDraft

LONG_NAME = "Überweisung an die Hausverwaltung " * 8
COFFEE = "FOOD_AND_DRINK_COFFEE"
CLOTHES = "GENERAL_MERCHANDISE_CLOTHING_AND_ACCESSORIES"


def draw(seed: str, today: date) -> Book:
    """Generate the book, the same for every seed."""
    return Book(_accounts(), sorted(_transactions(today), key=lambda draft: draft.day))


def _accounts() -> list[AccountDraft]:
    return [
        AccountDraft("overdrawn", "Girokonto 💸", "depository", "checking", Decimal("-412.07"), Decimal("-412.07"),
                     official_name=None, mask=None),
        AccountDraft("twin", "Checking", "depository", "checking", Decimal("75.5"), None, mask="0000"),
        AccountDraft("yen", "円普通預金", "depository", "savings", Decimal("1503200"), Decimal("1503200"), mask="77",
                     currency="JPY"),
        AccountDraft("dinar", "Dinar account", "depository", "checking", Decimal("12.345"), Decimal("12.345"),
                     mask="A9", currency="BHD"),
        AccountDraft("coins", "Cold wallet", "depository", "checking", Decimal("0.00314159"), None, mask=None,
                     currency=None, unofficial="BTC"),
        AccountDraft("overpaid", "Overpaid <b>Card</b>", "credit", "credit card", Decimal("-250.13"),
                     Decimal("3250.13"), Decimal("3000"), mask="9013", liability={"apr_types": ["purchase_apr"]}),
        AccountDraft("limitless", "Charge card without a limit", "credit", "credit card", Decimal("0"), None,
                     mask="0001", liability={"unknown": True}),
        AccountDraft("blank", "=HYPERLINK(\"http://evil.example\")", "depository", "checking", None, None, mask="00"),
        AccountDraft("dormant", "Dormant savings", "depository", "savings", Decimal("0"), Decimal("0"), mask="3141"),
    ]  # fmt: skip


def _transactions(today: date) -> list[TransactionDraft]:
    """Nulls, duplicates, huge and tiny amounts, zero, markup, formulas, emoji and right-to-left text."""
    rows: list[tuple[str, int, str, str, dict[str, Any]]] = [
        ("overdrawn", 1, "35", "OVERDRAFT FEE", {"category": "BANK_FEES_OVERDRAFT_FEES"}),
        ("overdrawn", 2, "4.5", "Blue Door Coffee ☕️🥐", {"merchant": "Blue Door Coffee", "category": COFFEE}),
        ("overdrawn", 2, "4.5", "Blue Door Coffee ☕️🥐", {"merchant": "Blue Door Coffee", "category": COFFEE}),
        ("overdrawn", 3, "0", "Card check", {}),
        ("overdrawn", 4, "0.01", "", {}),
        ("overdrawn", 5, "1234567890.12", LONG_NAME, {"category": "RENT_AND_UTILITIES_RENT"}),
        ("overdrawn", 5, "-1234567890.12", LONG_NAME, {"category": "RENT_AND_UTILITIES_RENT"}),
        ("overdrawn", 6, "20", "<script>alert('x')</script>", {"merchant": "<img src=x onerror=alert(1)>"}),
        ("overdrawn", 7, "9.99", "=1+2;@SUM(A1:A9)", {"merchant": "+cmd|' /C calc'!A0"}),
        ("overdrawn", 8, "12", "متجر الزاوية", {"merchant": "متجر الزاوية", "channel": "other"}),
        ("overdrawn", 0, "17.2", "Pending, never settles", {"pending": True, "category": COFFEE}),
        ("overdrawn", 9, "-55", "REFUND Lark Clothing", {"merchant": "Lark Clothing", "category": CLOTHES}),
        ("overdrawn", 10, "3.333333", "A third of ten", {"confidence": "LOW", "category": "OTHER_OTHER"}),
        ("twin", 40, "100", "CHECK 1041", {"check": "1041"}),
        ("yen", 3, "1280", "ラーメン横丁", {"category": "FOOD_AND_DRINK_RESTAURANT", "currency": "JPY"}),
        ("yen", 12, "-210000", "給与", {"category": "INCOME_SALARY", "currency": "JPY"}),
        ("dinar", 6, "1.005", "Souq", {"currency": "BHD"}),
        ("coins", 5, "0.00001", "miner fee", {"currency": None, "unofficial": "BTC"}),
        ("overpaid", 4, "-300.13", "PAYMENT - THANK YOU", {"category": "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"}),
        ("overpaid", 18, "50", "Lark Clothing", {"merchant": "Lark Clothing", "category": CLOTHES}),
        ("limitless", 700, "12.5", "Long ago", {"category": "OTHER_OTHER", "confidence": "UNKNOWN"}),
        ("blank", 15, "1", "Nobody knows the balance", {}),
    ]
    return [_draft(today, number, row) for number, row in enumerate(rows)]


def _draft(today: date, number: int, row: tuple[str, int, str, str, dict[str, Any]]) -> TransactionDraft:
    account, days, amount, name, rest = row
    fields = dict(rest)
    return TransactionDraft(
        key=str(number),
        account=account,
        day=today - timedelta(days=days),
        amount=Decimal(amount),
        name=name,
        check_number=fields.pop("check", None),
        **fields,
    )
