"""Two reports a month apart, and summaries of the changes between them."""

from credit.diffing import diff
from credit.tests.experian_samples import card, header, loan, parse_sample

EARLIER, LATER = header("10202026"), header("11202026")
CARD_KEY, LOAN_KEY = (line.key for line in parse_sample().tradelines)
COLLECTION = loan(
    subscriberName="TRI-COUNTY RECOVERY",
    subscriberCode="1110007",
    accountType="48",
    openDate="01062020",
    balanceAmount="00000118",
    amount1="00000118",
)


def diff_sections(before, after, **options):
    """Return the changes between two reports a month apart, given as sections."""
    return diff(parse_sample(headerRecord=EARLIER, **before), parse_sample(headerRecord=LATER, **after), **options)


def diff_card(before, after, **options):
    """Return the changes of the card, given as its fields."""
    return diff_sections({"tradeline": [card(**before)]}, {"tradeline": [card(**after)]}, **options)


def summarize(changes):
    return [(change.type, change.before, change.after, change.detail) for change in changes]


def list_change_types(changes):
    return [change.type for change in changes]


def filter_changes(changes, *wanted):
    return [change for change in changes if change.type in wanted]
