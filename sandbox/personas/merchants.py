"""The invented merchants of the sandbox."""

from decimal import Decimal
from random import Random
from typing import NamedTuple


class Merchant(NamedTuple):
    """A merchant with its range of prices, and its weight in random choices."""

    name: str
    category: str
    low: int
    high: int
    weight: int = 4
    channel: str = "in store"

    def price(self, random: Random) -> Decimal:
        """Return a random price in whole cents; low ones are more frequent."""
        cents = self.low * 100 + int((self.high - self.low) * 100 * random.random() ** 2)
        return Decimal(cents) / 100


MERCHANTS = (
    Merchant("Greenleaf Grocers", "FOOD_AND_DRINK_GROCERIES", 18, 140, 12),
    Merchant("Corner Market", "FOOD_AND_DRINK_GROCERIES", 6, 45, 10),
    Merchant("Harvest & Rye", "FOOD_AND_DRINK_GROCERIES", 25, 160, 6),
    Merchant("Blue Door Coffee", "FOOD_AND_DRINK_COFFEE", 3, 14, 14),
    Merchant("Steam & Bean", "FOOD_AND_DRINK_COFFEE", 3, 11, 8),
    Merchant("Taqueria Lupita", "FOOD_AND_DRINK_RESTAURANT", 12, 48, 8),
    Merchant("Noodle Harbor", "FOOD_AND_DRINK_RESTAURANT", 14, 60, 6),
    Merchant("The Copper Spoon", "FOOD_AND_DRINK_RESTAURANT", 25, 120, 3),
    Merchant("Burger Junction", "FOOD_AND_DRINK_FAST_FOOD", 7, 24, 7),
    Merchant("Dinner Dash", "FOOD_AND_DRINK_RESTAURANT", 18, 65, 6, "online"),
    Merchant("Old Quarter Wines", "FOOD_AND_DRINK_BEER_WINE_AND_LIQUOR", 12, 80, 2),
    Merchant("Pinnacle Fuel", "TRANSPORTATION_GAS", 22, 68, 8),
    Merchant("Roadrunner Gas", "TRANSPORTATION_GAS", 20, 64, 5),
    Merchant("City Transit", "TRANSPORTATION_PUBLIC_TRANSIT", 3, 30, 8),
    Merchant("Hop Rides", "TRANSPORTATION_TAXIS_AND_RIDE_SHARES", 8, 42, 6, "online"),
    Merchant("Meadow Parking", "TRANSPORTATION_PARKING", 4, 25, 4),
    Merchant("Bazaar.example", "GENERAL_MERCHANDISE_ONLINE_MARKETPLACES", 9, 190, 10, "online"),
    Merchant("Fieldstone Home", "HOME_IMPROVEMENT_FURNITURE", 20, 380, 2),
    Merchant("Hammer & Pine", "HOME_IMPROVEMENT_HARDWARE", 8, 160, 3),
    Merchant("Lark Clothing", "GENERAL_MERCHANDISE_CLOTHING_AND_ACCESSORIES", 18, 180, 4),
    Merchant("Pixel Electronics", "GENERAL_MERCHANDISE_ELECTRONICS", 25, 600, 1),
    Merchant("Paper Moon Books", "GENERAL_MERCHANDISE_BOOKSTORES_AND_NEWSSTANDS", 9, 55, 3),
    Merchant("Trailhead Sports", "GENERAL_MERCHANDISE_SPORTING_GOODS", 15, 220, 2),
    Merchant("Whisker & Paw", "GENERAL_MERCHANDISE_PET_SUPPLIES", 14, 85, 3),
    Merchant("Willow Pharmacy", "MEDICAL_PHARMACIES_AND_SUPPLEMENTS", 6, 60, 4),
    Merchant("Parkside Dental", "MEDICAL_DENTAL_CARE", 40, 260, 1),
    Merchant("Shear Delight", "PERSONAL_CARE_HAIR_AND_BEAUTY", 25, 95, 2),
    Merchant("Grandview Cinema", "ENTERTAINMENT_TV_AND_MOVIES", 11, 48, 3),
    Merchant("Ticket Lantern", "ENTERTAINMENT_SPORTING_EVENTS_AMUSEMENT_PARKS_AND_MUSEUMS", 20, 160, 1, "online"),
    Merchant("Skyward Air", "TRAVEL_FLIGHTS", 120, 620, 1, "online"),
    Merchant("Lakeside Inn", "TRAVEL_LODGING", 95, 420, 1),
    Merchant("Brightside Cleaners", "GENERAL_SERVICES_OTHER_GENERAL_SERVICES", 12, 60, 2),
)
WEIGHTS = [merchant.weight for merchant in MERCHANTS]


def seeded_random(name: str) -> Random:
    """Return a random generator with a fixed seed. It is not for secrets."""
    return Random(name)  # noqa: S311


def choose_merchant(random: Random) -> Merchant:
    return random.choices(MERCHANTS, WEIGHTS)[0]


def statement_name(merchant: Merchant, random: Random) -> str:
    """Return the merchant's name as on a bank statement: in capitals, with a store number."""
    text = merchant.name.upper().replace("&", "AND")
    return f"{text} #{random.randrange(100, 9999):04d}" if merchant.channel == "in store" else f"{text} WEB"
