"""Personal finance categories: from a detailed code to Plaid's object, and from a description to a code.

Source: https://plaid.com/documents/transactions-personal-finance-category-taxonomy.csv (version 2: 18 primaries).
"""

import re
from decimal import Decimal
from functools import lru_cache

from sandbox.identifiers import derived_id

PRIMARIES = (
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
)
LOGOS = "https://plaid-merchant-logos.plaid.com/{}_{}.png"
ICONS = "https://plaid-category-icons.plaid.com/PFC_{}.png"

# The version 1 codes of those that version 2 renamed.
FORMER = {
    "INCOME_SALARY": "INCOME_WAGES",
    "INCOME_CONTRACTOR": "INCOME_OTHER_INCOME",
    "INCOME_GIG_ECONOMY": "INCOME_OTHER_INCOME",
    "INCOME_RENTAL": "INCOME_OTHER_INCOME",
    "INCOME_OTHER": "INCOME_OTHER_INCOME",
    "BANK_FEES_LATE_FEES": "BANK_FEES_OTHER_BANK_FEES",
    "LOAN_DISBURSEMENTS_MORTGAGE": "TRANSFER_IN_CASH_ADVANCES_AND_LOANS",
    "LOAN_DISBURSEMENTS_STUDENT": "TRANSFER_IN_CASH_ADVANCES_AND_LOANS",
    "TRANSFER_OUT_WIRE": "TRANSFER_OUT_OTHER_TRANSFER_OUT",
    "TRANSFER_IN_WIRE": "TRANSFER_IN_OTHER_TRANSFER_IN",
    "OTHER_OTHER": "GENERAL_SERVICES_OTHER_GENERAL_SERVICES",
}

# Beginnings of words in a description; the first match wins. The codes are for (outflow, inflow).
WORD_PATTERNS: tuple[tuple[str, str, str], ...] = (
    ("payroll|salary|gusto|direct dep", "GENERAL_SERVICES_ACCOUNTING_AND_FINANCIAL_PLANNING", "INCOME_SALARY"),
    ("intrst|interest", "BANK_FEES_INTEREST_CHARGE", "INCOME_INTEREST_EARNED"),
    ("dividend", "", "INCOME_DIVIDENDS"),
    ("refund", "GENERAL_MERCHANDISE_OTHER_GENERAL_MERCHANDISE", "GENERAL_MERCHANDISE_OTHER_GENERAL_MERCHANDISE"),
    ("credit crd|credit card|automatic payment|autopay|card payment", "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT",
     "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"),
    ("mortgage", "LOAN_PAYMENTS_MORTGAGE_PAYMENT", "LOAN_DISBURSEMENTS_MORTGAGE"),
    ("student loan", "LOAN_PAYMENTS_STUDENT_LOAN_PAYMENT", "LOAN_DISBURSEMENTS_STUDENT"),
    ("rent payment|monthly rent|landlord", "RENT_AND_UTILITIES_RENT", "INCOME_RENTAL"),
    ("overdraft", "BANK_FEES_OVERDRAFT_FEES", "BANK_FEES_OVERDRAFT_FEES"),
    ("late fee", "BANK_FEES_LATE_FEES", "BANK_FEES_LATE_FEES"),
    (r"atm\b", "TRANSFER_OUT_WITHDRAWAL", "TRANSFER_IN_DEPOSIT"),
    ("wire", "TRANSFER_OUT_WIRE", "TRANSFER_IN_WIRE"),
    ("savings", "TRANSFER_OUT_SAVINGS", "TRANSFER_IN_SAVINGS"),
    ("cd deposit|deposit", "TRANSFER_OUT_ACCOUNT_TRANSFER", "TRANSFER_IN_DEPOSIT"),
    ("transfer|send money|venmo|zelle|paypal", "TRANSFER_OUT_ACCOUNT_TRANSFER", "TRANSFER_IN_ACCOUNT_TRANSFER"),
    ("starbucks|coffee|cafe", "FOOD_AND_DRINK_COFFEE", ""),
    ("mcdonald|kfc|burger|taco", "FOOD_AND_DRINK_FAST_FOOD", ""),
    ("restaurant|diner|pizza|sushi|doordash|uber eats", "FOOD_AND_DRINK_RESTAURANT", ""),
    ("whole foods|grocer|market|safeway|kroger|trader joe", "FOOD_AND_DRINK_GROCERIES", ""),
    ("uber|lyft|taxi", "TRANSPORTATION_TAXIS_AND_RIDE_SHARES", ""),
    ("shell|chevron|exxon|gas station|fuel", "TRANSPORTATION_GAS", ""),
    ("transit|metro|train ticket", "TRANSPORTATION_PUBLIC_TRANSIT", ""),
    ("airline|flight|airways", "TRAVEL_FLIGHTS", ""),
    (r"hotel|inn\b|marriott|airbnb", "TRAVEL_LODGING", ""),
    ("climbing|gym|fitness|yoga", "PERSONAL_CARE_GYMS_AND_FITNESS_CENTERS", ""),
    ("bicycle|sporting", "GENERAL_MERCHANDISE_SPORTING_GOODS", ""),
    ("sparkfun|electronic|apple store|best buy", "GENERAL_MERCHANDISE_ELECTRONICS", ""),
    ("amazon|online marketplace|ebay", "GENERAL_MERCHANDISE_ONLINE_MARKETPLACES", ""),
    ("netflix|hulu|cinema", "ENTERTAINMENT_TV_AND_MOVIES", ""),
    ("spotify|music", "ENTERTAINMENT_MUSIC_AND_AUDIO", ""),
    ("pharmacy|cvs|walgreens", "MEDICAL_PHARMACIES_AND_SUPPLEMENTS", ""),
    ("electric|power|energy", "RENT_AND_UTILITIES_GAS_AND_ELECTRICITY", ""),
    ("internet|comcast|cable", "RENT_AND_UTILITIES_INTERNET_AND_CABLE", ""),
    ("phone|verizon|mobile", "RENT_AND_UTILITIES_TELEPHONE", ""),
    ("insurance", "GENERAL_SERVICES_INSURANCE", ""),
    (r"irs\b|tax\b|taxes", "GOVERNMENT_AND_NON_PROFIT_TAX_PAYMENT", "GOVERNMENT_AND_NON_PROFIT_TAX_PAYMENT"),
    ("donation|charity", "GOVERNMENT_AND_NON_PROFIT_DONATIONS", ""),
    (r"typeform|twilio|software|hosting|inc\b|llc\b", "GENERAL_SERVICES_OTHER_GENERAL_SERVICES", "INCOME_CONTRACTOR"),
    ("payment|thank", "LOAN_PAYMENTS_OTHER_PAYMENT", "LOAN_PAYMENTS_OTHER_PAYMENT"),
)  # fmt: skip


def derive(description: str, amount: Decimal) -> tuple[str, str]:
    """Return (detailed code, confidence) for a bank's description; the sign of ``amount`` is Plaid's."""
    for pattern, outflow, inflow in WORD_PATTERNS:
        if re.search(rf"\b(?:{pattern})", description, re.IGNORECASE):
            code = outflow if amount >= 0 else inflow or outflow
            return (code, "HIGH") if code else ("OTHER_OTHER", "LOW")
    return ("OTHER_OTHER", "LOW") if amount >= 0 else ("INCOME_OTHER", "LOW")


@lru_cache(maxsize=512)
def primary(detailed: str) -> str:
    """Return the primary category of a detailed code. Raises LookupError for a code outside the taxonomy."""
    fitting = [name for name in PRIMARIES if detailed.startswith(name + "_")]
    if not fitting:
        raise LookupError(f"{detailed} is in no primary category")
    return max(fitting, key=len)


def is_known(detailed: str) -> bool:
    """Whether a code belongs to one of the primary categories."""
    return any(detailed.startswith(name + "_") for name in PRIMARIES)


def finance_category(detailed: str, confidence: str, version: str) -> dict[str, str] | None:
    """Build Plaid's object for a detailed code in ``version`` (v1 or v2); None without a code."""
    if not detailed:
        return None
    code = FORMER.get(detailed, detailed) if version == "v1" else detailed
    return {"primary": primary(code), "detailed": code, "confidence_level": confidence, "version": version}


def icon_url(detailed: str) -> str:
    """Return the URL of Plaid's icon of a category."""
    return ICONS.format(primary(detailed) if detailed else "OTHER")


def website(merchant: str) -> str | None:
    """Return a merchant's website; ``.example`` never resolves. None for a name without Latin letters."""
    slug = _slug(merchant)
    return f"{slug}.example" if slug else None


def logo_url(merchant: str) -> str | None:
    """Return the URL of a merchant's logo, in the form of Plaid's."""
    slug = _slug(merchant)
    return LOGOS.format(slug, len(slug)) if slug else None


@lru_cache(maxsize=4096)
def _slug(merchant: str) -> str:
    """Return the letters and digits of an ordinary name; "" for markup and formulas."""
    is_ordinary = re.fullmatch(r"[A-Za-z0-9 .,&'-]+", merchant) is not None
    return re.sub(r"[^a-z0-9]", "", merchant.lower()) if is_ordinary else ""


@lru_cache(maxsize=4096)
def entity_id(merchant: str) -> str:
    """Return a merchant's id, always the same."""
    return derived_id("merchant", merchant)
