"""The labels of a report's content on pages: kinds, roles, conditions and dates.

A value that the bureau does not report is shown as "Not reported", never as zero. A code without a label is shown as
it is.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from credit.payment_history import Bucket, DatedBy
from credit.report import AccountKind, Detail, PartialDate, Precision, Role
from formats import dates
from formats.money import rounded_money

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

NOT_REPORTED = _("Not reported")

KINDS: Mapping[AccountKind, "StrOrPromise"] = {
    AccountKind.CARD: _("Credit card"),
    AccountKind.RETAIL: _("Store card"),
    AccountKind.LINE: _("Line of credit"),
    AccountKind.HOME_EQUITY: _("Home equity line"),
    AccountKind.AUTO: _("Auto loan"),
    AccountKind.STUDENT: _("Student loan"),
    AccountKind.MORTGAGE: _("Mortgage"),
    AccountKind.PERSONAL: _("Personal loan"),
    AccountKind.LEASE: _("Lease"),
    AccountKind.BUSINESS: _("Business loan"),
    AccountKind.MEDICAL: _("Medical debt"),
    AccountKind.UTILITY: _("Utility, phone or rent"),
    AccountKind.SUPPORT: _("Support payments"),
    AccountKind.COLLECTION: _("Collection account"),
    AccountKind.OTHER: _("Other account"),
}
KINDS_PLURAL: Mapping[AccountKind, "StrOrPromise"] = {
    AccountKind.CARD: _("Credit cards"),
    AccountKind.RETAIL: _("Store cards"),
    AccountKind.LINE: _("Lines of credit"),
    AccountKind.HOME_EQUITY: _("Home equity lines"),
    AccountKind.MORTGAGE: _("Mortgages"),
    AccountKind.AUTO: _("Auto loans"),
    AccountKind.STUDENT: _("Student loans"),
    AccountKind.PERSONAL: _("Personal loans"),
    AccountKind.LEASE: _("Leases"),
    AccountKind.BUSINESS: _("Business loans"),
    AccountKind.MEDICAL: _("Medical debts"),
    AccountKind.UTILITY: _("Utilities, phones and rent"),
    AccountKind.SUPPORT: _("Support payments"),
    AccountKind.OTHER: _("Other accounts"),
    AccountKind.COLLECTION: _("Collection accounts"),
}
# Account types that are more specific than the kind.
PRODUCTS: Mapping[str, "StrOrPromise"] = {
    "attorney_fees": _("Attorney fees"),
    "auto_lease": _("Auto lease"),
    "bought_debt": _("Purchased debt"),
    "business_card": _("Business credit card"),
    "business_line": _("Business line of credit"),
    "business_mortgage": _("Business mortgage"),
    "checking_account": _("Checking account"),
    "child_support": _("Child support"),
    "combined_plan": _("Combined credit plan"),
    "construction": _("Construction loan"),
    "cosigned_loan": _("Cosigned loan"),
    "counseling": _("Debt counseling"),
    "debit_card": _("Debit card"),
    "debt_consolidation": _("Debt consolidation loan"),
    "family_support": _("Family support"),
    "farm_loan": _("Farm loan"),
    "farm_mortgage": _("Rural home mortgage"),
    "fha_mortgage": _("FHA mortgage"),
    "flexible_card": _("Flexible spending card"),
    "government_debt": _("Government debt"),
    "government_loan": _("Government loan"),
    "home_equity_loan": _("Home equity loan"),
    "home_improvement": _("Home improvement loan"),
    "household_goods": _("Loan for or secured by household goods"),
    "installment_loan": _("Installment loan"),
    "installment_sale": _("Installment sale contract"),
    "junior_lien": _("Junior mortgage"),
    "manufactured_home": _("Manufactured home loan"),
    "note": _("Note loan"),
    "overdraft": _("Overdrawn account"),
    "partly_secured_loan": _("Partly secured loan"),
    "real_estate": _("Real estate loan"),
    "recreational": _("Loan for recreational goods"),
    "rent": _("Rent"),
    "returned_check": _("Returned check"),
    "second_mortgage": _("Second mortgage"),
    "secured_card": _("Secured credit card"),
    "secured_line": _("Secured line of credit"),
    "secured_loan": _("Secured loan"),
    "spouse_support": _("Spousal support"),
    "summary": _("Summary of several accounts"),
    "tax": _("Tax debt"),
    "telephone": _("Phone service"),
    "timeshare": _("Timeshare loan"),
    "unsecured_loan": _("Unsecured loan"),
    "va_mortgage": _("VA mortgage"),
}
ROLES: Mapping[Role, "StrOrPromise"] = {
    Role.INDIVIDUAL: _("Individual account"),
    Role.JOINT: _("Joint account"),
    Role.AUTHORIZED_USER: _("Authorized user: someone else owes the balance"),
    Role.COSIGNER: _("Cosigner: you owe the balance if the borrower doesn't pay"),
    Role.MAKER: _("Primary borrower, with a cosigner"),
    Role.ON_BEHALF: _("Opened on behalf of another person"),
    Role.BUSINESS: _("Business account"),
    Role.TERMINATED: _("No longer associated with you"),
    Role.DECEASED: _("Marked as deceased"),
    Role.DELETED: _("Being removed from your file"),
    Role.UNDESIGNATED: _("Not specified"),
    Role.UNKNOWN: NOT_REPORTED,
}
SHORT_ROLES: Mapping[Role, "StrOrPromise"] = {
    Role.JOINT: _("joint"),
    Role.AUTHORIZED_USER: _("authorized user"),
    Role.COSIGNER: _("cosigner"),
    Role.ON_BEHALF: _("on behalf of another person"),
    Role.BUSINESS: _("business"),
    Role.TERMINATED: _("no longer associated with you"),
}
ACCOUNT_CONDITIONS: Mapping[str, "StrOrPromise"] = {
    "open": pgettext_lazy("account", "Open"),
    "paid": _("Paid"),
    "closed": pgettext_lazy("account", "Closed"),
    "inactive": _("Inactive"),
    "lost_or_stolen": _("Card lost or stolen"),
    "transferred": _("Transferred to another lender"),
    "refinanced": _("Refinanced"),
    "deceased": _("Marked as deceased"),
    "bankruptcy": _("Included in a bankruptcy"),
    "settled": _("Settled for less than the amount owed"),
    "derogatory": _("Seriously past due"),
    "collection": _("In collections"),
    "foreclosure": _("Foreclosure"),
    "voluntary_surrender": _("Voluntary surrender"),
    "repossession": _("Repossessed"),
    "charge_off": _("Charged off"),
    "cannot_locate": _("Lender can't locate the borrower"),
}
PAYMENT_STATUSES: Mapping[str, "StrOrPromise"] = {
    **ACCOUNT_CONDITIONS,
    "current": _("Paid as agreed"),
    "paid": _("Paid off as agreed"),
    "current_was_late": _("Paid as agreed, previously late"),
    "paid_was_late": _("Paid off, previously late"),
    "paid_was_surrendered": _("Paid, was a voluntary surrender"),
    "paid_was_collection": _("Paid, was in collections"),
    "paid_was_repossessed": _("Paid, was repossessed"),
    "paid_was_charged_off": _("Paid, was charged off"),
    "paid_was_foreclosed": _("Paid, foreclosure was started"),
    "late": _("Past due, less than before"),
    "late30": _("30 days past due"),
    "late60": _("60 days past due"),
    "late90": _("90 days past due"),
    "late120": _("120 days past due"),
    "late150": _("150 days past due"),
    "late180": _("180 days past due"),
}
# Compliance condition codes: disputes, and closings by the consumer.
COMPLIANCE: Mapping[str, "StrOrPromise"] = {
    "": "",
    "closed_by_consumer": _("Closed at the consumer's request"),
    "disputed": _("Disputed by the consumer"),
    "dispute_ended_disagreed": _("Dispute investigated; the consumer disagrees with the result"),
    "closed_and_disputed": _("Closed at the consumer's request; disputed by the consumer"),
    "closed_dispute_ended_disagreed": _(
        "Closed at the consumer's request; dispute investigated, and the consumer disagrees with the result"
    ),
    "billing_disputed": _("Billing disputed by the consumer"),
    "billing_dispute_ended_disagreed": _("Billing dispute ended; the consumer disagrees with the result"),
    "dispute_ended": _("Previously disputed; the dispute has ended"),
    "closed_and_billing_disputed": _("Closed at the consumer's request; billing disputed by the consumer"),
}
BANKRUPTCY_STAGES: Mapping[str, "StrOrPromise"] = {
    "petitioned": _("Filed"),
    "discharged": _("Discharged"),
    "dismissed": _("Dismissed"),
    "withdrawn": _("Withdrawn"),
    "undesignated": _("Chapter not specified"),
    "reaffirmed": _("Debt reaffirmed"),
    "reaffirmation_rescinded": _("Reaffirmation rescinded"),
}
TERMS: Mapping[str, "StrOrPromise"] = {"REV": _("Revolving"), "LOC": _("Line of credit")}
DATED_BY_NOTES: Mapping[DatedBy, "StrOrPromise"] = {
    DatedBy.BALANCE: "",
    DatedBy.PAYMENT_LEVEL: _("The lender reported no balance date. Months are counted from its last payment report."),
    DatedBy.STATUS: _("The lender reported no balance date. Months are counted from the status date and may be off."),
    DatedBy.REPORT: _(
        "The lender reported no date for this account. Months are counted from the report date and may be off."
    ),
    DatedBy.NOTHING: _("The report doesn't say which months these are. The newest month comes first."),
}
# The results of the check against the OFAC list, by code.
OFAC: Mapping[str, "StrOrPromise"] = {
    "1199": _("The bureau didn't check your name because the date of birth didn't match."),
    "1200": _("A name like yours is on the list. This doesn't mean that you are the person listed."),
    "1201": _("The bureau couldn't check the list."),
    "1202": _("The bureau found no match for your name."),
}
# The text in a cell of the payment grid, and its meaning.
PAYMENT_MARKS: Mapping[Bucket, tuple["StrOrPromise", "StrOrPromise"]] = {
    Bucket.OK: (pgettext_lazy("payment mark", "OK"), _("Paid as agreed")),
    Bucket.CURRENT_ZERO_BALANCE: ("0", _("Zero balance")),
    Bucket.LATE_30: ("30", _("30 days late")),
    Bucket.LATE_60: ("60", _("60 days late")),
    Bucket.LATE_90: ("90", _("90 days late")),
    Bucket.LATE_120: ("120", _("120 days late")),
    Bucket.LATE_150: ("150", _("150 days late")),
    Bucket.LATE_180: ("180", _("180 or more days late")),
    Bucket.DEROGATORY: ("X", _("Charge-off, collections or similar")),
    Bucket.BANKRUPTCY: (pgettext_lazy("payment mark", "BK"), _("Bankruptcy")),
    Bucket.NO_DATA: ("–", NOT_REPORTED),
}
DETAIL_KINDS: Mapping[Detail, "StrOrPromise"] = {
    Detail.NAME: _("Names"),
    Detail.BIRTH: _("Date of birth"),
    Detail.ADDRESS: _("Addresses"),
    Detail.EMPLOYER: _("Employers"),
    Detail.PHONE: _("Phone numbers"),
}
# The known reasons for no score.
EXCLUSIONS: Mapping[str, "StrOrPromise"] = {
    "9001": _("The bureau has marked this file as deceased."),
    "9002": _("There is too little recent activity on the accounts to calculate a score."),
    "9003": _("The file has too little information to calculate a score."),
}
NO_SCORE = _("The model returned a code instead of a score.")
WARNINGS: Mapping[str, "StrOrPromise"] = {
    "bad_amount": _("Unreadable amount"),
    "bad_date": _("Unreadable date"),
    "bad_flag": _("Unreadable yes or no value"),
    "bad_number": _("Unreadable number"),
    "bad_score": _("Unreadable score"),
    "future_date": _("Date in the future"),
    "history_too_long": _("Payment history longer than 84 months; older months are left out"),
    "history_dated_otherwise": _("Payment history without a balance date; counted from another date"),
    "history_without_date": _("Payment history without a date"),
    "misspelt_key": _("Misspelled field name; its value is used"),
    "more_than_one_profile": _("More than one file in the report; the first one is shown"),
    "negative_amount": _("Unexpected negative amount"),
    "no_report_date": _("Report without a date"),
    "not_a_text": _("Unexpected field format"),
    "not_an_object": _("Unexpected row format"),
    "partial_date": _("Date without a day or month"),
    "score_excluded": _("Code instead of a score"),
    "too_many_warnings": _("More issues than are listed"),
    "too_many_rows": _("More rows in a section than can be shown"),
    "total_differs": _("The bureau's total differs from the sum of the accounts"),
    "unknown_code": _("Unknown code"),
    "unstated": _("Value reported as unknown"),
}


FORMATS: Mapping[Precision, Callable[[date], str]] = {
    Precision.DAY: dates.day,
    Precision.MONTH: dates.month,
    Precision.YEAR: dates.year,
}


def format_dollars(amount: int | None) -> str:
    """Format whole dollars: ``$1,140``. A negative balance means that the lender owes the consumer."""
    if amount is None:
        return str(NOT_REPORTED)
    return rounded_money(Decimal(amount))


def format_date(day: PartialDate | None) -> str:
    """Format a date as precisely as the bureau reports it: ``Nov 9, 2026``, ``Nov 2026`` or ``2026``."""
    if day is None:
        return str(NOT_REPORTED)
    return FORMATS[day.precision](day.first)


def format_iso_date(text: str) -> str:
    """Format a date like ``2026-11-09``; return any other text as it is."""
    try:
        return format_date(PartialDate(date.fromisoformat(text)))
    except ValueError:
        return text


def format_age(months: int | None) -> str:
    """Format an age in years and months: ``4 yr 2 mo``."""
    if months is None:
        return str(NOT_REPORTED)
    years, rest = divmod(months, 12)
    if not years:
        return gettext("%(months)s mo") % {"months": rest}
    if not rest:
        return gettext("%(years)s yr") % {"years": years}
    return gettext("%(years)s yr %(months)s mo") % {"years": years, "months": rest}


def label_for_code(labels: Mapping[str, "StrOrPromise"], status: str, code: str) -> str:
    """Return the label of a condition or a payment status; an unknown one is shown by the bureau's own code."""
    return str(labels.get(status) or (code_label(code) if code else NOT_REPORTED))


def code_label(code: str) -> str:
    """Return a text with the bureau's own code, for a code without a label."""
    return gettext("Code %(code)s") % {"code": code}


def format_terms(text: str) -> str:
    """Format the terms of an account: ``72 months``, ``Revolving``; return any other text as it is."""
    if text.isdecimal() and text.isascii():
        months = int(text)
        return ngettext("%(count)s month", "%(count)s months", months) % {"count": months}
    return str(TERMS.get(text.upper(), text) or NOT_REPORTED)


def product_label(kind: AccountKind, product: str) -> str:
    """Return the type of an account, as precisely as the bureau reports it."""
    return str(PRODUCTS.get(product) or KINDS[kind])


def bankruptcy_label(chapter: str, stage: str) -> str:
    """Return the label of a bankruptcy: its chapter and its stage. The bureau's other values stay as they are."""
    is_chapter = chapter.isdecimal() and chapter.isascii()
    known = gettext("Chapter %(number)s") % {"number": int(chapter)} if is_chapter else chapter and code_label(chapter)
    return " · ".join(filter(None, (known, str(BANKRUPTCY_STAGES.get(stage, "")))))


def exclusion_reason(code: str) -> str:
    """Return the label of the code that a model gave in place of a score."""
    return str(EXCLUSIONS.get(code, NO_SCORE))


def warning_text(problem: str) -> str:
    """Return the label of a parse warning."""
    return str(WARNINGS.get(problem, _("Unreadable value")))
