"""Template tags and filters for the values of a credit report. The labels are in ``credit.analysis.labels``.

Amounts are whole dollars, as the bureau sends them. ``None`` is shown as "Not reported", never as zero.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _
from markupsafe import Markup

from credit.analysis import bands, labels
from credit.payment_history import Bucket, PaymentHistory
from credit.presentation.payment_grid import CalendarYear, UndatedRow
from credit.report import BureauMessage, Detail, PartialDate, Role, Tradeline
from formats import dates
from formats.numbers import exact_percent
from ui.links import page_url
from ui.macros import load_macro

register = template.Library()

register.filter("dollars", labels.format_dollars)
register.filter("reported", labels.format_date)
register.filter("exclusion_reason", labels.exclusion_reason)
register.filter("iso_date", labels.format_iso_date)
register.filter("warning_text", labels.warning_text)
register.filter("format_age", labels.format_age)
register.filter("loan_terms", labels.format_terms)


@register.filter
def or_unreported(text: str) -> str:
    """Return the text, or "Not reported" if it is empty."""
    return text or str(labels.NOT_REPORTED)


@register.filter
def monthly_payment(account: Tradeline) -> str:
    """Format the monthly payment, with its type: scheduled, actual or estimated."""
    amount = labels.format_dollars(account.monthly_payment)
    if not account.payment_type or not account.monthly_payment:
        return amount
    return _("%(amount)s (%(type)s)") % {"amount": amount, "type": account.payment_type}


@register.filter
def account_bankruptcy(account: Tradeline) -> str:
    """Return the chapter and stage of the bankruptcy that includes an account; empty if none does."""
    return labels.bankruptcy_label(account.bankruptcy, account.bankruptcy_stage)


@register.filter
def account_compliance(account: Tradeline) -> str:
    """Return the label of an account's compliance condition; empty if it has none."""
    known = labels.COMPLIANCE.get(account.compliance)
    return str(known or (account.compliance_code and labels.code_label(account.compliance_code)))


@register.filter
def worst_delinquency(account: Tradeline) -> str:
    """Return the status and date of the worst delinquency; empty if the bureau reports none."""
    how = (
        labels.label_for_code(labels.PAYMENT_STATUSES, account.worst, account.worst_code) if account.worst_code else ""
    )
    when = labels.format_date(account.worst_delinquency) if account.worst_delinquency else ""
    return ", ".join(filter(None, (how, when)))


@register.filter
def history_basis(history: PaymentHistory) -> str:
    """Return a note if the months of a history are not counted from the balance date."""
    return str(labels.DATED_BY_NOTES[history.dated_by])


@register.filter
def sanctions_text(message: BureauMessage) -> str:
    """Return the result of the bureau's OFAC check; for an unknown code, the bureau's own text."""
    return str(labels.OFAC.get(message.code, message.text))


@register.filter
def bankruptcy_filer(voluntary: bool) -> str:
    """Return who filed for a bankruptcy."""
    return _("filed by the debtor") if voluntary else _("filed by creditors")


@register.filter
def creditor_name(creditor: str) -> str:
    """Return the creditor, or a text for the link to an account without one."""
    return creditor or _("Unnamed account")


@register.filter
def percentile(value: int) -> str:
    """Format a percentile as a share of people."""
    return _("%(value)s of people") % {"value": exact_percent(value)}


@register.filter
def percent1(share: Decimal | None) -> str:
    """Format a share that is exact to a tenth of a percent."""
    return str(labels.NOT_REPORTED) if share is None else exact_percent(share)


@register.filter
def full_date(day: date | None) -> str:
    """Format a day with its year."""
    return labels.format_date(PartialDate(day) if day else None)


@register.filter
def local_date(value: datetime) -> str:
    """Format the day of a time in the reader's zone, with its year."""
    return full_date(timezone.localtime(value).date())


@register.filter
def bureau_name(provider: str) -> str:
    return bands.PROVIDERS.get(provider, provider)


@register.filter
def account_product(account: Tradeline) -> str:
    """Return the type of an account, as precisely as the bureau reports it."""
    return labels.product_label(account.kind, account.product)


@register.filter
def account_role(role: Role) -> str:
    """Return the label of the consumer's role on an account."""
    return str(labels.ROLES[role])


@register.filter
def detail_heading(kind: Detail) -> str:
    """Return the heading of a list of personal details."""
    return str(labels.DETAIL_KINDS[kind])


@register.filter
def account_condition(account: Tradeline) -> str:
    """Return the label of an account's condition."""
    return labels.label_for_code(labels.ACCOUNT_CONDITIONS, account.account_condition, account.account_condition_code)


@register.filter
def payment_status(account: Tradeline) -> str:
    """Return the label of an account's payment status."""
    return labels.label_for_code(labels.PAYMENT_STATUSES, account.payment_status, account.payment_status_code)


@register.filter
def account_summary(account: Tradeline) -> str:
    """Return the payment status, or the condition if the account is derogatory and unpaid or has no status."""
    is_derogatory = account.derogatory and account.account_condition != "paid"
    if is_derogatory or not (account.payment_status or account.payment_status_code):
        return account_condition(account)
    return payment_status(account)


# --- Rows ------------------------------------------------------------------------------------------------


@register.filter
def account_rows(accounts: Iterable[Tradeline]) -> Markup:
    """Draw the body of a table of accounts. A report may have hundreds."""
    return load_macro("credit/rows.html", "account_rows")(accounts)


def account_url(account: Tradeline) -> str:
    return page_url("credit_account", account.key)


def account_note(account: Tradeline) -> str:
    """Return the text after an account's name in a table: last digits, the consumer's role, and a dispute."""
    role = str(labels.SHORT_ROLES.get(account.role, ""))
    notes = [f"••{account.last_four}" if account.last_four else "", role, _("disputed") if account.disputed else ""]
    return ", ".join(filter(None, notes))


def account_status(account: Tradeline) -> str:
    """Return an account's status for a table: whether it is closed, its summary, and the amount past due."""
    is_closed = account.is_open is False and account.account_condition != "closed"
    values = {"summary": account_summary(account), "amount": labels.format_dollars(account.past_due)}
    if is_closed and account.past_due:
        return _("Closed. %(summary)s, %(amount)s past due") % values
    if is_closed:
        return _("Closed. %(summary)s") % values
    return _("%(summary)s, %(amount)s past due") % values if account.past_due else values["summary"]


# --- Payment grids ---------------------------------------------------------------------------------------

TONES: Mapping[Bucket, str] = {
    Bucket.OK: "ok",
    Bucket.CURRENT_ZERO_BALANCE: "ok",
    Bucket.NO_DATA: "none",
    Bucket.DEROGATORY: "bad",
    Bucket.BANKRUPTCY: "bad",
}


def payment_tone(bucket: Bucket) -> str:
    """Return the class that colors a cell of a payment grid."""
    return TONES.get(bucket, "late")


def payment_mark(bucket: Bucket) -> str:
    """Return the content of a cell of a payment grid."""
    return str(labels.PAYMENT_MARKS[bucket][0])


def payment_meaning(bucket: Bucket) -> str:
    """Return the meaning of the mark in a cell of a payment grid."""
    return str(labels.PAYMENT_MARKS[bucket][1])


class MonthHeading(NamedTuple):
    """A month's name, and its short name in two parts: narrow screens show the initial alone."""

    name: str
    initial: str
    rest: str


@register.simple_tag
def calendar_months() -> list[MonthHeading]:
    """Return the headings of the twelve months, from January on."""
    return [MonthHeading(name, short[:1], short[1:]) for name, short in dates.months()]


@register.filter
def payment_rows(years: Iterable[CalendarYear]) -> Markup:
    """Draw the body of a payment grid: a row for each year, and a cell with a text for each month."""
    return load_macro("credit/rows.html", "payment_rows")(years)


@register.filter
def undated_rows(rows: Iterable[UndatedRow]) -> Markup:
    """Draw the body of a payment grid without dates: twelve months a row, counted by reports."""
    return load_macro("credit/rows.html", "undated_rows")(rows)


@register.filter
def payment_legend(buckets: Iterable[Bucket]) -> Markup:
    """Draw the legend of a payment grid's marks."""
    return load_macro("credit/rows.html", "payment_legend")(buckets)
