"""The merchants of the benches' transactions, both those in the seeded database and those from Plaid."""

from typing import NamedTuple

CHECKING, SAVINGS, CARD, SECOND_CARD, LOAN = "Everyday Checking", "Rainy Day", "Travel Card", "Cash Card", "Home Loan"


class Merchant(NamedTuple):
    """A merchant whose amounts are from ``low`` to ``high`` dollars; positive amounts are income.

    ``account`` is an account's name, ``weight`` how often the merchant is chosen, ``detail`` the detailed category.
    """

    name: str
    detail: str
    low: int
    high: int
    weight: int = 4
    account: str = CARD
    channel: str = "in store"

    @property
    def category(self) -> str:
        """The primary category of the detailed one."""
        return next(primary for primary in PRIMARIES if self.detail.startswith(primary))


PRIMARIES = (
    *("INCOME", "TRANSFER_IN", "TRANSFER_OUT", "LOAN_PAYMENTS", "BANK_FEES", "ENTERTAINMENT", "FOOD_AND_DRINK"),
    *("GENERAL_MERCHANDISE", "HOME_IMPROVEMENT", "MEDICAL", "PERSONAL_CARE", "GENERAL_SERVICES", "TRANSPORTATION"),
    *("TRAVEL", "RENT_AND_UTILITIES"),
)

MERCHANTS = (
    Merchant("Greenleaf Grocers", "FOOD_AND_DRINK_GROCERIES", -140, -18, 12),
    Merchant("Corner Market", "FOOD_AND_DRINK_GROCERIES", -45, -6, 10, SECOND_CARD),
    Merchant("Blue Door Coffee", "FOOD_AND_DRINK_COFFEE", -14, -3, 14, SECOND_CARD),
    Merchant("Noodle Harbor", "FOOD_AND_DRINK_RESTAURANT", -60, -14, 8),
    Merchant("Burger Junction", "FOOD_AND_DRINK_FAST_FOOD", -24, -7, 7, SECOND_CARD),
    Merchant("Pinnacle Fuel", "TRANSPORTATION_GAS", -68, -22, 8),
    Merchant("City Transit", "TRANSPORTATION_PUBLIC_TRANSIT", -30, -3, 8, SECOND_CARD),
    Merchant("Hop Rides", "TRANSPORTATION_TAXIS_AND_RIDE_SHARES", -42, -8, 6, CARD, "online"),
    Merchant("Bazaar", "GENERAL_MERCHANDISE_ONLINE_MARKETPLACES", -190, -9, 10, CARD, "online"),
    Merchant("Lark Clothing", "GENERAL_MERCHANDISE_CLOTHING_AND_ACCESSORIES", -180, -18, 4),
    Merchant("Pixel Electronics", "GENERAL_MERCHANDISE_ELECTRONICS", -600, -25, 1),
    Merchant("Hammer & Pine", "HOME_IMPROVEMENT_HARDWARE", -160, -8, 3),
    Merchant("Willow Pharmacy", "MEDICAL_PHARMACIES_AND_SUPPLEMENTS", -60, -6, 4),
    Merchant("Shear Delight", "PERSONAL_CARE_HAIR_AND_BEAUTY", -95, -25, 2),
    Merchant("Grandview Cinema", "ENTERTAINMENT_TV_AND_MOVIES", -48, -11, 3),
    Merchant("Skyward Air", "TRAVEL_FLIGHTS", -620, -120, 1, CARD, "online"),
    Merchant("Brightside Cleaners", "GENERAL_SERVICES_OTHER_GENERAL_SERVICES", -60, -12, 2),
    Merchant("Maple Court Rentals", "RENT_AND_UTILITIES_RENT", -1450, -1450, 1, CHECKING, "other"),
    Merchant("Tri-County Power", "RENT_AND_UTILITIES_GAS_AND_ELECTRICITY", -160, -70, 1, CHECKING, "other"),
    Merchant("Monthly Fee", "BANK_FEES_OTHER_BANK_FEES", -12, -5, 1, CHECKING, "other"),
    Merchant("Meridian Works", "INCOME_WAGES", 1900, 2300, 2, CHECKING, "other"),
    Merchant("To Rainy Day", "TRANSFER_OUT_ACCOUNT_TRANSFER", -400, -50, 1, CHECKING, "other"),
    Merchant("From Everyday Checking", "TRANSFER_IN_ACCOUNT_TRANSFER", 50, 400, 1, SAVINGS, "other"),
    Merchant("Card Payment", "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT", -900, -200, 1, CHECKING, "other"),
)

# Each merchant as often as its weight says, for random.choice.
WEIGHTED_MERCHANTS = tuple(merchant for merchant in MERCHANTS for _ in range(merchant.weight))
