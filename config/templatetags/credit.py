"""How pages say what a credit report holds. The words are credit's; here they become filters.

An amount is whole dollars as the bureau sends it. ``None`` reads "Not reported", never zero.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from config.templatetags.ui import aria_current, money
from credit.analysis import bands, labels
from credit.changes import descriptions
from credit.diffing import Change
from credit.payment_history import Bucket, PaymentHistory
from credit.presentation.payment_grid import CalendarYear, UndatedRow
from credit.report import Day, Detail, Message, Role, Tradeline
from insights.charts import LineChart

register = template.Library()

register.filter("dollars", labels.format_dollars)
register.filter("reported", labels.format_date)
register.filter("exclusion", labels.exclusion_reason)
register.filter("iso_day", labels.format_iso_date)
register.filter("oddity", labels.warning_text)
register.filter("years_and_months", labels.format_age)
register.filter("loan_terms", labels.format_terms)


@register.filter
def or_unreported(text: str) -> str:
    """Say that a text is missing."""
    return text or labels.NOT_REPORTED


@register.filter
def points(value: Decimal) -> str:
    """Say a score, or the size of its change, which a chart keeps as a number without a unit."""
    return f"{value:f}"


@register.filter
def payment(account: Tradeline) -> str:
    """Say what is paid each month, and whether that is what is due or what was paid."""
    amount = labels.format_dollars(account.monthly_payment)
    return f"{amount} ({account.payment_type})" if account.payment_type and account.monthly_payment else amount


@register.filter
def account_bankruptcy(account: Tradeline) -> str:
    """Say in which bankruptcy an account is, and how far it went; empty where it is in none."""
    return labels.bankruptcy_label(account.bankruptcy, account.bankruptcy_stage)


@register.filter
def account_compliance(account: Tradeline) -> str:
    """Say what the lender has to say about disputes and closings; empty where it says nothing."""
    return labels.COMPLIANCE.get(account.compliance) or (account.compliance_code and f"Code {account.compliance_code}")


@register.filter
def worst_time(account: Tradeline) -> str:
    """Say how bad the worst delinquency was, and when; empty where the bureau tells of none."""
    how = (
        labels.label_for_code(labels.PAYMENT_STATUSES, account.worst, account.worst_code) if account.worst_code else ""
    )
    when = labels.format_date(account.worst_delinquency) if account.worst_delinquency else ""
    return ", ".join(filter(None, (how, when)))


@register.filter
def counted_from(history: PaymentHistory) -> str:
    """Say from which date the months of a history are counted, where that is not the usual one."""
    return labels.DATED_BY_NOTES[history.dated_by]


@register.filter
def sanctions(message: Message) -> str:
    """Say what the bureau found in the government's list of sanctions; its own words where the code is not known."""
    return labels.OFAC.get(message.code, message.text)


@register.filter
def of_own_will(voluntary: bool) -> str:
    """Say who asked for a bankruptcy."""
    return "filed by the person" if voluntary else "filed by creditors"


@register.filter
def or_unnamed(creditor: str) -> str:
    """Call an account whose creditor is not reported something that can be clicked on."""
    return creditor or "Account without a name"


@register.filter
def people(percentile: int) -> str:
    """Say what a percentile means."""
    return f"{percentile}% of people"


@register.filter
def at(counts: Mapping[int, int], key: int) -> int:
    """Look one of several counts up."""
    return counts[key]


@register.filter
def tenths(share: Decimal | None) -> str:
    """Say a share that is exact to a tenth of a percent."""
    return labels.NOT_REPORTED if share is None else f"{share}%"


@register.filter
def cents(amount: Decimal) -> str:
    """Say an exact amount, without cents where there are none."""
    return money(amount).removesuffix(".00")


@register.filter
def full_day(day: date | None) -> str:
    """Say a day with its year, as papers about credit do."""
    return labels.format_date(Day(day) if day else None)


@register.filter
def local_day(value: datetime) -> str:
    """Say the day of a moment in the reader's zone, with its year."""
    return full_day(timezone.localtime(value).date())


@register.filter
def bureau(provider: str) -> str:
    """Name a bureau."""
    return bands.PROVIDERS.get(provider, provider)


@register.filter
def account_kind(account: Tradeline) -> str:
    """Say what an account is, as exactly as the bureau does."""
    return labels.product_label(account.kind, account.product)


@register.filter
def account_role(role: Role) -> str:
    """Say how the person stands to an account."""
    return labels.ROLES[role]


@register.filter
def detail_kind(kind: Detail) -> str:
    """Head a list of personal details."""
    return labels.DETAIL_KINDS[kind]


@register.filter
def account_condition(account: Tradeline) -> str:
    """Say what has become of an account."""
    return labels.label_for_code(labels.ACCOUNT_CONDITIONS, account.condition, account.condition_code)


@register.filter
def account_standing(account: Tradeline) -> str:
    """Say how payments on an account went."""
    return labels.label_for_code(labels.PAYMENT_STATUSES, account.standing, account.standing_code)


@register.filter
def in_short(account: Tradeline) -> str:
    """Say the one thing about an account that matters most: a bad condition, else how payments go or went."""
    is_bad = account.derogatory and account.condition != "paid"
    if is_bad or not (account.standing or account.standing_code):
        return account_condition(account)
    return account_standing(account)


@register.filter
def told(change: Change) -> descriptions.ChangeDescription:
    """Put a change into words."""
    return descriptions.describe_change(change)


# --- Rows ------------------------------------------------------------------------------------------------


@register.filter
def account_rows(accounts: Iterable[Tradeline]) -> SafeString:
    """Draw the body of a table of accounts; a report may hold hundreds."""
    return format_html_join("\n", ACCOUNT, map(_account_cells, accounts))


ACCOUNT = """<tr><th scope="row"><a href="{}">{}</a>{}</th>
<td class="accounts__kind">{}</td><td class="num" data-label="Balance">{}</td>
<td class="num" data-label="Limit or loan">{}</td><td class="num" data-label="Opened">{}</td></tr>"""


def _account_cells(account: Tradeline) -> tuple[object, ...]:
    role = labels.SHORT_ROLES.get(account.role, "")
    notes = [f"••{account.last_four}" if account.last_four else "", role, "disputed" if account.disputed else ""]
    note = ", ".join(filter(None, notes))
    limit = account.limit if account.revolving else account.original
    return (
        reverse("credit_account", args=[account.key]),
        or_unnamed(account.creditor),
        format_html(' <span class="muted">{}</span>', note) if note else "",
        _status(account),
        labels.format_dollars(account.balance),
        labels.format_dollars(limit),
        labels.format_date(account.opened),
    )


def _status(account: Tradeline) -> str:
    closed = "Closed. " if account.is_open is False and account.condition != "closed" else ""
    owed = f", {labels.format_dollars(account.past_due)} past due" if account.past_due else ""
    return f"{closed}{in_short(account)}{owed}"


# --- Drawings --------------------------------------------------------------------------------------------

TONES: Mapping[Bucket, str] = {
    Bucket.OK: "ok",
    Bucket.OK_ZERO: "ok",
    Bucket.NO_DATA: "none",
    Bucket.DEROGATORY: "bad",
    Bucket.BANKRUPTCY: "bad",
}
BEYOND = SafeString("<td></td>")
CELLS: Mapping[Bucket | None, SafeString] = {
    bucket: format_html('<td class="m m--{}">{}</td>', TONES.get(bucket, "late"), labels.PAYMENT_MARKS[bucket][0])
    for bucket in Bucket
} | {None: BEYOND}


@register.filter
def payment_rows(years: Iterable[CalendarYear]) -> SafeString:
    """Draw the body of a payment grid: a row for each year, a cell for each month, words in every cell."""
    rows = ((year.year, SafeString("".join(CELLS[bucket] for bucket in year.months))) for year in years)
    return format_html_join("\n", '<tr><th scope="row">{}</th>{}</tr>', rows)


@register.filter
def undated_rows(rows: Iterable[UndatedRow]) -> SafeString:
    """Draw the body of a payment grid whose months are not known: how many reports ago, twelve a row."""
    drawn = ((row.first, SafeString("".join(CELLS[bucket] for bucket in row.months))) for row in rows)
    return format_html_join("\n", '<tr><th scope="row">{}</th>{}</tr>', drawn)


@register.filter
def payment_marks(buckets: Iterable[Bucket]) -> SafeString:
    """Explain the marks of a payment grid."""
    rows = ((TONES.get(bucket, "late"), *labels.PAYMENT_MARKS[bucket]) for bucket in buckets)
    return format_html_join("\n", '<li><span class="m m--{}">{}</span> {}</li>', rows)


@register.filter
def score_marks(chart: LineChart) -> SafeString:
    """Draw the words of the upright axis of scores."""
    return format_html_join("\n", "<span>{}</span>", ((f"{mark.normalize():f}",) for mark in chart.value_marks))


@register.simple_tag(takes_context=True)
def tab(context: Context, name: str, label: str, below: str = "") -> SafeString:
    """Link to a page of the report, marked as current there and, less strongly, on the pages that ``below`` lists."""
    current = aria_current(context, name, below)
    return format_html('<li><a href="{}" aria-current="{}">{}</a></li>', reverse(name), current, label)
