"""How pages say what a report holds: plain words for kinds, roles, conditions and dates, in one place.

What the bureau does not say reads "Not reported", and never zero. A code without a word here is shown as it is.
"""

from collections.abc import Mapping
from datetime import date

from credit.payment_history import Bucket, DatedBy
from credit.report import AccountKind, Detail, PartialDate, Precision, Role

NOT_REPORTED = "Not reported"
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MINUS = "\N{MINUS SIGN}"

KINDS: Mapping[AccountKind, str] = {
    AccountKind.CARD: "Credit card",
    AccountKind.RETAIL: "Store card",
    AccountKind.LINE: "Line of credit",
    AccountKind.HOME_EQUITY: "Home equity line",
    AccountKind.AUTO: "Auto loan",
    AccountKind.STUDENT: "Student loan",
    AccountKind.MORTGAGE: "Mortgage",
    AccountKind.PERSONAL: "Personal loan",
    AccountKind.LEASE: "Lease",
    AccountKind.BUSINESS: "Business loan",
    AccountKind.MEDICAL: "Medical debt",
    AccountKind.UTILITY: "Utility, phone or rent",
    AccountKind.SUPPORT: "Support payments",
    AccountKind.COLLECTION: "Collection",
    AccountKind.OTHER: "Other account",
}
KINDS_PLURAL: Mapping[AccountKind, str] = {
    AccountKind.CARD: "Credit cards",
    AccountKind.RETAIL: "Store cards",
    AccountKind.LINE: "Lines of credit",
    AccountKind.HOME_EQUITY: "Home equity lines",
    AccountKind.MORTGAGE: "Mortgages",
    AccountKind.AUTO: "Auto loans",
    AccountKind.STUDENT: "Student loans",
    AccountKind.PERSONAL: "Personal loans",
    AccountKind.LEASE: "Leases",
    AccountKind.BUSINESS: "Business loans",
    AccountKind.MEDICAL: "Medical debts",
    AccountKind.UTILITY: "Utilities, phones and rent",
    AccountKind.SUPPORT: "Support payments",
    AccountKind.OTHER: "Other accounts",
    AccountKind.COLLECTION: "Collections",
}
# What an account is, where its kind does not say all.
PRODUCTS: Mapping[str, str] = {
    "attorney_fees": "Attorney fees",
    "auto_lease": "Auto lease",
    "bought_debt": "Debt that was bought",
    "business_card": "Business credit card",
    "business_line": "Business line of credit",
    "business_mortgage": "Business mortgage",
    "checking_account": "Checking account",
    "child_support": "Child support",
    "combined_plan": "Several cards on one bill",
    "construction": "Construction loan",
    "cosigned_loan": "Loan with a cosigner",
    "counseling": "Debt counseling",
    "debit_card": "Debit card",
    "debt_consolidation": "Debt consolidation loan",
    "family_support": "Family support",
    "farm_loan": "Farm loan",
    "farm_mortgage": "Rural home mortgage",
    "fha_mortgage": "FHA mortgage",
    "flexible_card": "Flexible spending card",
    "government_debt": "Debt to the government",
    "government_loan": "Government loan",
    "home_equity_loan": "Home equity loan",
    "home_improvement": "Home improvement loan",
    "household_goods": "Loan for or secured by household goods",
    "installment_loan": "Installment loan",
    "installment_sale": "Purchase paid in installments",
    "junior_lien": "Junior mortgage",
    "manufactured_home": "Manufactured home loan",
    "note": "Note loan",
    "overdraft": "Overdrawn account",
    "partly_secured_loan": "Partly secured loan",
    "real_estate": "Real estate loan",
    "recreational": "Loan for recreational goods",
    "rent": "Rent",
    "returned_check": "Returned check",
    "second_mortgage": "Second mortgage",
    "secured_card": "Secured credit card",
    "secured_line": "Secured line of credit",
    "secured_loan": "Secured loan",
    "spouse_support": "Spouse support",
    "summary": "Several accounts in one",
    "tax": "Tax debt",
    "telephone": "Phone service",
    "timeshare": "Timeshare loan",
    "unsecured_loan": "Unsecured loan",
    "va_mortgage": "VA mortgage",
}
ROLES: Mapping[Role, str] = {
    Role.INDIVIDUAL: "Your own",
    Role.JOINT: "Shared with another person",
    Role.AUTHORIZED_USER: "Authorized user: somebody else owes it",
    Role.COSIGNER: "Cosigner: you owe it if the borrower does not pay",
    Role.MAKER: "Your own, with a cosigner",
    Role.ON_BEHALF: "Opened on behalf of another person",
    Role.BUSINESS: "Business account",
    Role.TERMINATED: "No longer yours",
    Role.DECEASED: "Marked as belonging to a person who died",
    Role.DELETED: "Being removed from your file",
    Role.UNDESIGNATED: "Not specified",
    Role.UNKNOWN: NOT_REPORTED,
}
SHORT_ROLES: Mapping[Role, str] = {
    Role.JOINT: "shared",
    Role.AUTHORIZED_USER: "authorized user",
    Role.COSIGNER: "cosigner",
    Role.ON_BEHALF: "on behalf of another person",
    Role.BUSINESS: "business",
    Role.TERMINATED: "no longer yours",
}
ACCOUNT_CONDITIONS: Mapping[str, str] = {
    "open": "Open",
    "paid": "Paid",
    "closed": "Closed",
    "inactive": "Inactive",
    "lost_or_stolen": "Card lost or stolen",
    "transferred": "Moved to another lender",
    "refinanced": "Refinanced",
    "deceased": "Marked deceased",
    "bankruptcy": "In a bankruptcy",
    "settled": "Settled for less than was owed",
    "derogatory": "Seriously past due",
    "collection": "In collection",
    "foreclosure": "Foreclosure",
    "voluntary_surrender": "Given back to the lender",
    "repossession": "Repossessed",
    "charge_off": "Charged off",
    "cannot_locate": "The lender cannot reach the person",
}
PAYMENT_STATUSES: Mapping[str, str] = {
    **ACCOUNT_CONDITIONS,
    "current": "Paid as agreed",
    "paid": "Paid off as agreed",
    "current_was_late": "Paid as agreed now, late before",
    "paid_was_late": "Paid off, late before",
    "paid_was_surrendered": "Paid, after it was given back to the lender",
    "paid_was_collection": "Paid, was in collection",
    "paid_was_repossessed": "Paid, was repossessed",
    "paid_was_charged_off": "Paid, was charged off",
    "paid_was_foreclosed": "Paid, foreclosure had begun",
    "late": "Late, less than it was before",
    "late30": "30 days late",
    "late60": "60 days late",
    "late90": "90 days late",
    "late120": "120 days late",
    "late150": "150 days late",
    "late180": "180 days late",
}
# What a lender has to say about disputes and closings.
COMPLIANCE: Mapping[str, str] = {
    "": "",
    "closed_by_consumer": "Closed by the consumer",
    "disputed": "The consumer disputes it",
    "dispute_ended_disagreed": "A dispute was looked into; the consumer disagrees with the result",
    "closed_and_disputed": "Closed by the consumer, who disputes it",
    "closed_dispute_ended_disagreed": (
        "Closed by the consumer; a dispute was looked into, and the consumer disagrees with the result"
    ),
    "billing_disputed": "The consumer disputes a bill",
    "billing_dispute_ended_disagreed": "A dispute about a bill has ended; the consumer disagrees with the result",
    "dispute_ended": "Was disputed; the dispute has ended",
    "closed_and_billing_disputed": "Closed by the consumer, who disputes a bill",
}
BANKRUPTCY_STAGES: Mapping[str, str] = {
    "petitioned": "filed",
    "discharged": "discharged",
    "dismissed": "dismissed",
    "withdrawn": "withdrawn",
    "undesignated": "the chapter is not said",
    "reaffirmed": "the debt was taken on again",
    "reaffirmation_rescinded": "taking the debt on again was undone",
}
TERMS: Mapping[str, str] = {"REV": "Revolving", "LOC": "Line of credit"}
DATED_BY_NOTES: Mapping[DatedBy, str] = {
    DatedBy.BALANCE: "",
    DatedBy.PAYMENT_LEVEL: (
        "The lender sent no date for the balance. The months are counted from when it last reported on payments."
    ),
    DatedBy.STATUS: (
        "The lender sent no date for the balance. The months are counted from the date of the status, so they may be "
        "off."
    ),
    DatedBy.REPORT: (
        "The lender sent no date for this account. The months are counted from the day of the report, so they may be "
        "off."
    ),
    DatedBy.NOTHING: "Nothing says which months these are. The newest comes first.",
}
# What the bureau found in the government's list of sanctions, by its code.
OFAC: Mapping[str, str] = {
    "1199": "The bureau did not look your name up, because the date of birth did not match.",
    "1200": (
        "A name like yours is on the list. Many people share names; this does not say that you are the person listed."
    ),
    "1201": "The list could not be looked up.",
    "1202": "The bureau found nothing under your name.",
}
# What stands in a cell of the payment grid, and what that means.
PAYMENT_MARKS: Mapping[Bucket, tuple[str, str]] = {
    Bucket.OK: ("OK", "Paid as agreed"),
    Bucket.CURRENT_ZERO_BALANCE: ("0", "Nothing owed"),
    Bucket.LATE_30: ("30", "30 days late"),
    Bucket.LATE_60: ("60", "60 days late"),
    Bucket.LATE_90: ("90", "90 days late"),
    Bucket.LATE_120: ("120", "120 days late"),
    Bucket.LATE_150: ("150", "150 days late"),
    Bucket.LATE_180: ("180", "180 days late or more"),
    Bucket.DEROGATORY: ("X", "Charge-off, collection or similar"),
    Bucket.BANKRUPTCY: ("BK", "Bankruptcy"),
    Bucket.NO_DATA: ("–", NOT_REPORTED),
}
DETAIL_KINDS: Mapping[Detail, str] = {
    Detail.NAME: "Names",
    Detail.BIRTH: "Date of birth",
    Detail.ADDRESS: "Addresses",
    Detail.EMPLOYER: "Employers",
    Detail.PHONE: "Phone numbers",
}
# The reasons for no score whose meaning is known.
EXCLUSIONS: Mapping[str, str] = {
    "9001": "The bureau has the file marked as belonging to a person who died.",
    "9002": "There was not enough recent activity on the accounts to compute a score.",
    "9003": "There is not enough in the file to compute a score.",
}
NO_SCORE = "The model gave a code instead of a score."
WARNINGS: Mapping[str, str] = {
    "bad_amount": "An amount cannot be read",
    "bad_date": "A date cannot be read",
    "bad_flag": "A yes or no cannot be read",
    "bad_number": "A number cannot be read",
    "bad_score": "A score cannot be read",
    "future_date": "A date lies in the future",
    "history_too_long": "A payment history is longer than 84 months; the rest is left out",
    "history_dated_otherwise": "A payment history has no balance date; it is counted from another date",
    "history_without_date": "A payment history has no date to count from",
    "misspelt_key": "A field's name is misspelt; it was read all the same",
    "more_than_one_profile": "The answer holds more than one file; the first is shown",
    "negative_amount": "An amount is below zero where that makes no sense",
    "no_report_date": "The report does not say its date",
    "not_a_text": "A field has another form than expected",
    "not_an_object": "A row has another form than expected",
    "partial_date": "A date lacks its day or month",
    "score_excluded": "A code stands in place of a score",
    "too_many_warnings": "There are more oddities than are listed",
    "too_many_rows": "A section has more rows than can be shown",
    "total_differs": "The bureau's own total differs from the sum of the accounts",
    "unknown_code": "A code is not known",
    "unstated": "A figure is sent as unknown",
}


def format_dollars(amount: int | None) -> str:
    """Say whole dollars: ``$1,140``. Below zero the bureau owes the person."""
    if amount is None:
        return NOT_REPORTED
    return f"{MINUS if amount < 0 else ''}${abs(amount):,}"


def format_date(day: PartialDate | None) -> str:
    """Say a date as exactly as the bureau does: ``Nov 9, 2026``, ``Nov 2026`` or ``2026``."""
    if day is None:
        return NOT_REPORTED
    if day.precision is Precision.YEAR:
        return str(day.first.year)
    of_month = "" if day.precision is Precision.MONTH else f" {day.first.day},"
    return f"{MONTHS[day.first.month]}{of_month} {day.first.year}"


def format_iso_date(text: str) -> str:
    """Say a day that is written as ``2026-11-09``; anything else stays as it is."""
    try:
        return format_date(PartialDate(date.fromisoformat(text)))
    except ValueError:
        return text


def format_age(months: int | None) -> str:
    """Say an age in years and months: ``4 yr 2 mo``."""
    if months is None:
        return NOT_REPORTED
    years, rest = divmod(months, 12)
    if not years:
        return f"{rest} mo"
    return f"{years} yr {rest} mo" if rest else f"{years} yr"


def label_for_code(words: Mapping[str, str], word: str, code: str) -> str:
    """Say a condition or a payment status; an unknown one goes by the bureau's own code."""
    return words.get(word) or (f"Code {code}" if code else NOT_REPORTED)


def format_terms(text: str) -> str:
    """Say how long or in what way an account is paid: ``72 months``, ``Revolving``; other words stay as they are."""
    if text.isdecimal() and text.isascii():
        months = int(text)
        return "1 month" if months == 1 else f"{months} months"
    return TERMS.get(text.upper(), text) or NOT_REPORTED


def product_label(kind: AccountKind, product: str) -> str:
    """Say what an account is, as exactly as the bureau does."""
    return PRODUCTS.get(product) or KINDS[kind]


def bankruptcy_label(chapter: str, stage: str) -> str:
    """Say a bankruptcy: its chapter of the code, and how far it went. The bureau's other marks stay as they are."""
    is_chapter = chapter.isdecimal() and chapter.isascii()
    chapter_label = f"Chapter {int(chapter)}" if is_chapter else f"Code {chapter}" if chapter else ""
    label = ", ".join(filter(None, (chapter_label, BANKRUPTCY_STAGES.get(stage, ""))))
    return label[:1].upper() + label[1:]


def exclusion_reason(code: str) -> str:
    """Say why a model gave no score."""
    return EXCLUSIONS.get(code, NO_SCORE)


def warning_text(problem: str) -> str:
    """Say what could not be read as it should be."""
    return WARNINGS.get(problem, "Something could not be read")
