"""Experian's codes, mapped to the values of ``credit.report``. An unknown code adds a warning and is shown as it is.

Sources: Experian's glossary of account conditions, the Metro 2 format that lenders report in, and what the
public sample report confirms. ``docs/credit.md`` says how certain each table is.
"""

from collections.abc import Mapping

from credit.payment_history import Bucket
from credit.report import Notice, Role

ROLES: Mapping[str, Role] = {
    "1": Role.INDIVIDUAL,
    "2": Role.JOINT,
    "3": Role.AUTHORIZED_USER,
    "4": Role.JOINT,
    "5": Role.COSIGNER,
    "6": Role.ON_BEHALF,
    "7": Role.MAKER,
    "T": Role.TERMINATED,
    "W": Role.BUSINESS,
    "X": Role.DECEASED,
    "Z": Role.DELETED,
    "0": Role.UNDESIGNATED,
}

ACCOUNT_CONDITIONS: Mapping[str, str] = {
    "A1": "open",
    "A2": "paid",
    "A3": "closed",
    "A4": "inactive",
    "03": "lost_or_stolen",
    "05": "transferred",
    "10": "refinanced",
    "21": "deceased",
    "66": "bankruptcy",
    "67": "bankruptcy",
    "68": "settled",
    "69": "bankruptcy",
    "85": "derogatory",
    "87": "derogatory",
    "88": "derogatory",
    "89": "derogatory",
    "91": "derogatory",
    "92": "derogatory",
    "93": "collection",
    "94": "foreclosure",
    "95": "voluntary_surrender",
    "96": "repossession",
    "97": "charge_off",
    "98": "cannot_locate",
    **dict.fromkeys("ABCDEFGHIJKLMNOPRVWXYZ", "bankruptcy"),
}
DEROGATORY = frozenset(
    {
        "bankruptcy",
        "cannot_locate",
        "charge_off",
        "collection",
        "derogatory",
        "foreclosure",
        "paid_was_charged_off",
        "paid_was_collection",
        "paid_was_foreclosed",
        "paid_was_repossessed",
        "paid_was_surrendered",
        "repossession",
        "settled",
        "voluntary_surrender",
    }
)

# 11 is current, 3x is current after late payments, 7x and 8x are late now. 79 and 81 are less late than the 90
# and 120 days that they name, but do not say how much. Experian's newer responses can have an account condition here.
PAYMENT_STATUSES: Mapping[str, str] = {
    **ACCOUNT_CONDITIONS,
    "11": "current",
    "12": "paid",
    "13": "paid",
    **dict.fromkeys(("30", "31", "32", "33", "34", "35", "36", "37", "38", "39"), "current_was_late"),
    **dict.fromkeys(("51", "52", "53", "54", "55", "56", "57", "58", "59"), "paid_was_late"),
    "61": "paid_was_surrendered",
    "62": "paid_was_collection",
    "63": "paid_was_repossessed",
    "64": "paid_was_charged_off",
    "65": "paid_was_foreclosed",
    **dict.fromkeys(("71", "72", "73", "74", "75", "76", "77"), "late30"),
    "78": "late60",
    "79": "late",
    "80": "late90",
    "81": "late",
    "82": "late120",
    "83": "late150",
    "84": "late180",
}
# The payment status of an account whose condition says paid, by a status that is late or derogatory.
PAID_AFTER: Mapping[str, str] = {
    "charge_off": "paid_was_charged_off",
    "collection": "paid_was_collection",
    "foreclosure": "paid_was_foreclosed",
    "repossession": "paid_was_repossessed",
    "voluntary_surrender": "paid_was_surrendered",
    **{status: "paid_was_late" for status in PAYMENT_STATUSES.values() if status.startswith("late")},
}
# Statuses that mean paid, where there is no account condition.
PAID = frozenset({"12", "13", "61", "62", "63", "64", "65"}) | {code for code in PAYMENT_STATUSES if code[:1] == "5"}

BUCKETS: Mapping[str, Bucket] = {
    " ": Bucket.NO_DATA,
    "C": Bucket.OK,
    "0": Bucket.CURRENT_ZERO_BALANCE,
    "N": Bucket.CURRENT_ZERO_BALANCE,
    "-": Bucket.NO_DATA,
    "B": Bucket.NO_DATA,
    "1": Bucket.LATE_30,
    "2": Bucket.LATE_60,
    "3": Bucket.LATE_90,
    "4": Bucket.LATE_120,
    "5": Bucket.LATE_150,
    "6": Bucket.LATE_180,
    "7": Bucket.BANKRUPTCY,
    "8": Bucket.DEROGATORY,
    "9": Bucket.DEROGATORY,
    "G": Bucket.DEROGATORY,
    "H": Bucket.DEROGATORY,
    "J": Bucket.DEROGATORY,
    "K": Bucket.DEROGATORY,
    "L": Bucket.DEROGATORY,
}

# The worst delinquency: a mark of the payment grid, or a payment status.
WORST_STATUSES: Mapping[str, str] = {
    **PAYMENT_STATUSES,
    **{mark: str(bucket) for mark, bucket in BUCKETS.items() if bucket.value.startswith("late")},
    "7": "bankruptcy",
    "8": "derogatory",
    "9": "derogatory",
    "G": "collection",
    "H": "foreclosure",
    "J": "voluntary_surrender",
    "K": "repossession",
    "L": "charge_off",
}

# Metro 2's compliance condition codes, which the law requires of lenders. XR removes an earlier one.
COMPLIANCE: Mapping[str, str] = {
    "XA": "closed_by_consumer",
    "XB": "disputed",
    "XC": "dispute_ended_disagreed",
    "XD": "closed_and_disputed",
    "XE": "closed_dispute_ended_disagreed",
    "XF": "billing_disputed",
    "XG": "billing_dispute_ended_disagreed",
    "XH": "dispute_ended",
    "XJ": "closed_and_billing_disputed",
    "XR": "",
}
DISPUTED = frozenset({"disputed", "closed_and_disputed", "billing_disputed", "closed_and_billing_disputed"})

# A bankruptcy's chapter and stage, by account condition or by Metro 2's consumer information indicator (CII).
BANKRUPTCIES: Mapping[str, tuple[str, str]] = {
    **{letter: (chapter, "petitioned") for letter, chapter in zip("ABCD", ("7", "11", "12", "13"), strict=True)},
    **{letter: (chapter, "discharged") for letter, chapter in zip("EFGH", ("7", "11", "12", "13"), strict=True)},
    **{letter: (chapter, "dismissed") for letter, chapter in zip("IJKL", ("7", "11", "12", "13"), strict=True)},
    **{letter: (chapter, "withdrawn") for letter, chapter in zip("MNOP", ("7", "11", "12", "13"), strict=True)},
    "R": ("", "reaffirmed"),
    **{
        letter: (chapter, "reaffirmation_rescinded")
        for letter, chapter in zip("VWXY", ("7", "11", "12", "13"), strict=True)
    },
    "Z": ("", "undesignated"),
    "69": ("13", ""),
}
# The indicators that are no bankruptcy: Q and S remove an earlier one, T and U say whether the lender can locate the
# consumer, 1A is a receivership, and 2A is a lease that the consumer continues.
NO_BANKRUPTCIES = frozenset({"Q", "S", "T", "U", "1A", "2A"})
VOLUNTARY: Mapping[str, bool | None] = {"V": True, "Y": True, "I": False, "N": False}

NO_RECORD = frozenset({"0007", "07"})

# The fraud shield's indicators that set a flag of the report.
SHIELD_DECEASED = frozenset({"5", "05", "25"})
SHIELD_ADDRESS = frozenset({"3", "03"})

# A statement is classified by its text, because its type codes have no public documentation.
NOTICES: tuple[tuple[str, Notice], ...] = (
    (r"file (is )?(frozen|locked)|security freeze|frozen|freeze", Notice.FREEZE),
    (r"active.duty", Notice.ACTIVE_DUTY),
    (r"fraud|identity theft|victim", Notice.FRAUD_ALERT),
)
