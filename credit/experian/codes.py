"""Experian's short codes in credit's words. A code that is missing here is listed, shown as it is, and never guessed.

Sources: Experian's glossary of account conditions, the Metro 2 format that lenders report in, and what the
public sample report bears out. ``docs/credit.md`` says how sure each table is.
"""

from collections.abc import Mapping

from credit.report import Bucket, Kind, Notice, Role

KINDS: Mapping[str, Kind] = {
    "00": Kind.AUTO,
    "01": Kind.PERSONAL,
    "02": Kind.PERSONAL,
    "03": Kind.PERSONAL,
    "04": Kind.PERSONAL,
    "05": Kind.MORTGAGE,
    "06": Kind.PERSONAL,
    "07": Kind.RETAIL,
    "08": Kind.MORTGAGE,
    "12": Kind.STUDENT,
    "15": Kind.LINE,
    "18": Kind.CARD,
    "19": Kind.MORTGAGE,
    "25": Kind.MORTGAGE,
    "26": Kind.MORTGAGE,
    "47": Kind.LINE,
    "48": Kind.COLLECTION,
    "5A": Kind.MORTGAGE,
    "5B": Kind.MORTGAGE,
    "89": Kind.HOME_EQUITY,
    "0C": Kind.COLLECTION,
    "0G": Kind.CARD,
    "43": Kind.OTHER,
}

ROLES: Mapping[str, Role] = {
    "1": Role.INDIVIDUAL,
    "2": Role.JOINT,
    "3": Role.AUTHORIZED_USER,
    "4": Role.JOINT,
    "5": Role.COSIGNER,
    "7": Role.INDIVIDUAL,
    "T": Role.TERMINATED,
    "X": Role.DECEASED,
    "0": Role.UNKNOWN,
}

CONDITIONS: Mapping[str, str] = {
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
    **dict.fromkeys("ABCDEFGHIJKLMNOPRVWXY", "bankruptcy"),
}
DEROGATORY = frozenset(
    {
        "bankruptcy",
        "cannot_locate",
        "charge_off",
        "collection",
        "derogatory",
        "foreclosure",
        "repossession",
        "settled",
        "voluntary_surrender",
    }
)

# How payments went: 11 is current, 3x was late before, 7x and 8x are late. A bad condition may stand here as well.
STANDINGS: Mapping[str, str] = {
    "11": "current",
    "12": "paid",
    **dict.fromkeys(("30", "31", "32", "33", "34", "35", "36", "37", "38", "39"), "current_was_late"),
    **dict.fromkeys(("51", "52", "53", "54", "55", "56", "57", "58", "59"), "paid_was_late"),
    "71": "late30",
    "78": "late60",
    "80": "late90",
    "82": "late120",
    "83": "late150",
    "84": "late180",
    **{code: word for code, word in CONDITIONS.items() if word in DEROGATORY and code.isdigit()},
}

BUCKETS: Mapping[str, Bucket] = {
    "C": Bucket.OK,
    "0": Bucket.OK_ZERO,
    "N": Bucket.OK_ZERO,
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

# The fraud shield's indicators that say something about the whole file.
SHIELD_DECEASED = frozenset({"5", "05", "25"})
SHIELD_ADDRESS = frozenset({"3", "03"})

# What a statement says decides, because its type codes are documented nowhere in public.
NOTICES: tuple[tuple[str, Notice], ...] = (
    (r"file (is )?(frozen|locked)|security freeze|frozen|freeze", Notice.FREEZE),
    (r"active.duty", Notice.ACTIVE_DUTY),
    (r"fraud|identity theft|victim", Notice.FRAUD_ALERT),
)
