import pytest

from banking.transactions.categories import (
    CARD_PAYMENT,
    CATEGORIES,
    CATEGORY_CHOICES,
    INCOME,
    LOAN_PROCEEDS,
    TRANSFERS,
    UNCATEGORIZED,
    UNKNOWN,
    get_category,
)

# Plaid's primary categories, version 2, from its migration guide.
PRIMARIES = [
    "BANK_FEES",
    "ENTERTAINMENT",
    "FOOD_AND_DRINK",
    "GENERAL_MERCHANDISE",
    "GENERAL_SERVICES",
    "GOVERNMENT_AND_NON_PROFIT",
    "HOME_IMPROVEMENT",
    "INCOME",
    "LOAN_DISBURSEMENTS",
    "LOAN_PAYMENTS",
    "MEDICAL",
    "OTHER",
    "PERSONAL_CARE",
    "RENT_AND_UTILITIES",
    "TRANSFER_IN",
    "TRANSFER_OUT",
    "TRANSPORTATION",
    "TRAVEL",
]


def test_it_has_all_18_categories() -> None:
    assert sorted(CATEGORIES) == PRIMARIES
    assert [code for code, _ in CATEGORY_CHOICES] == [*sorted(CATEGORIES), UNCATEGORIZED]


def test_it_has_different_labels() -> None:
    assert len({known.label for known in CATEGORIES.values()}) == len(CATEGORIES)


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("FOOD_AND_DRINK", "Food and drink"),
        ("", "Uncategorized"),
        ("PET_CARE", "Pet care"),
        ("=cmd", "=cmd"),
        ("日本", "日本"),
    ],
)
def test_it_labels_known_and_unknown_codes(code: str, label: str) -> None:
    assert get_category(code).label == label


def test_it_has_an_icon_for_unknown_codes() -> None:
    assert get_category("").icon == get_category("PET_CARE").icon == UNKNOWN.icon


def test_it_uses_known_codes_for_transfers_loans_and_income() -> None:
    assert TRANSFERS | LOAN_PROCEEDS | {INCOME} <= set(CATEGORIES)
    assert CARD_PAYMENT.startswith("LOAN_PAYMENTS_")
