"""Experian's short codes in credit's words. A code that is missing here is listed, shown as it is, and never guessed.

Sources: Experian's glossary of account conditions, the Metro 2 format that lenders report in, and what the
public sample report bears out. ``docs/credit.md`` says how sure each table is.
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

# How payments went: 11 is current, 3x was late before, 7x and 8x are late now. 79 and 81 do not say how late: better
# than the 90 and 120 days that they name. Experian's later answers put a condition here as well.
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
# What a bad or late status means beside a condition that says the debt was paid.
PAID_AFTER: Mapping[str, str] = {
    "charge_off": "paid_was_charged_off",
    "collection": "paid_was_collection",
    "foreclosure": "paid_was_foreclosed",
    "repossession": "paid_was_repossessed",
    "voluntary_surrender": "paid_was_surrendered",
    **{status: "paid_was_late" for status in PAYMENT_STATUSES.values() if status.startswith("late")},
}
# Statuses that say what has become of an account where no condition does.
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

# How bad the worst delinquency was: a mark of the payment grid, or the status of that time.
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

# What a lender has to say by law: Metro 2's compliance condition codes. XR takes an earlier one back.
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

# A bankruptcy's chapter and stage by the code of an account's condition, which is also that of its consumer.
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
# What else Metro 2 says of a consumer in the same place: Q and S take an earlier mark back, T and U are about where
# the person is, 1A is a receivership, and 2A says that a lease goes on.
NO_BANKRUPTCIES = frozenset({"Q", "S", "T", "U", "1A", "2A"})
VOLUNTARY: Mapping[str, bool | None] = {"V": True, "Y": True, "I": False, "N": False}

NO_RECORD = frozenset({"0007", "07"})

# The fraud shield's indicators that say something about the whole file.
SHIELD_DECEASED = frozenset({"5", "05", "25"})
SHIELD_ADDRESS = frozenset({"3", "03"})

# The text of a statement decides, because its type codes have no public documentation.
NOTICES: tuple[tuple[str, Notice], ...] = (
    (r"file (is )?(frozen|locked)|security freeze|frozen|freeze", Notice.FREEZE),
    (r"active.duty", Notice.ACTIVE_DUTY),
    (r"fraud|identity theft|victim", Notice.FRAUD_ALERT),
)
