"""Score factors: the reasons that models give for a score, in our own words, and the accounts that each is about.

Every table belongs to a family of models: the same number has another meaning in another family. An unknown code is
shown as its number. Score factors only say what lowers a score; they are not errors, and no text here predicts a score.

Sources: Experian's list of VantageScore 3.0 reason codes (2013), which 4.0 extends; published lists of FICO
reasons at Experian.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from credit.analysis.utilization import THRESHOLDS, utilization_of
from credit.report import AccountKind, Factor, Tradeline

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class FactorCategory(StrEnum):
    """The part of the report that a reason is about."""

    PAYMENTS = "payments"
    BALANCES = "balances"
    AGE = "age"
    MIX = "mix"
    INQUIRIES = "inquiries"
    RECORDS = "records"
    UNKNOWN = "unknown"


class Reason(NamedTuple):
    """The text of a reason. ``kinds`` limits it to some kinds of accounts; empty means all."""

    label: "StrOrPromise"
    category: FactorCategory
    kinds: frozenset[AccountKind] = frozenset()


ALL: frozenset[AccountKind] = frozenset()
REVOLVING = frozenset({AccountKind.CARD, AccountKind.RETAIL, AccountKind.LINE, AccountKind.HOME_EQUITY})
HOMES = frozenset({AccountKind.MORTGAGE, AccountKind.HOME_EQUITY})
AUTOS = frozenset({AccountKind.AUTO})
LOANS = frozenset(
    {
        AccountKind.AUTO,
        AccountKind.STUDENT,
        AccountKind.PERSONAL,
        AccountKind.MORTGAGE,
        AccountKind.LEASE,
        AccountKind.BUSINESS,
    }
)
P, B, A, M, I, R = (  # noqa: E741  (one letter for each category keeps the tables below readable)
    FactorCategory.PAYMENTS,
    FactorCategory.BALANCES,
    FactorCategory.AGE,
    FactorCategory.MIX,
    FactorCategory.INQUIRIES,
    FactorCategory.RECORDS,
)

VANTAGE: Mapping[str, Reason] = {
    "4": Reason(_("Balances are high compared with limits and loan amounts"), B),
    "5": Reason(_("Late payments are recent"), P),
    "6": Reason(_("Many accounts were opened recently"), A),
    "7": Reason(_("Several accounts are past due or derogatory"), P),
    "8": Reason(_("Few loans, or loans with recent late payments"), P, LOANS),
    "9": Reason(_("An account is past due or derogatory"), P),
    "10": Reason(_("Few loans, or loans with late payments"), P, LOANS),
    "11": Reason(_("Balances on past due accounts are high"), P),
    "12": Reason(_("The oldest account is not very old"), A),
    "13": Reason(_("The newest account is very new"), A),
    "14": Reason(_("The credit history is short"), A),
    "15": Reason(_("The last late payment is recent"), P),
    "16": Reason(_("Balances on open accounts add up to a high total"), B),
    "17": Reason(_("Balances on accounts with earlier late payments are high"), P),
    "18": Reason(_("Balances on accounts without late payments are high compared with their amounts"), B),
    "21": Reason(_("No account is open"), M),
    "22": Reason(_("No account has reported recently"), M),
    "23": Reason(_("There is little account information"), M),
    "29": Reason(_("Many cards or credit lines have a balance"), B, REVOLVING),
    "30": Reason(_("Few cards or credit lines have a high limit"), B, REVOLVING),
    "31": Reason(_("Many cards or credit lines were opened recently"), A, REVOLVING),
    "32": Reason(_("Balances on cards and credit lines are high compared with their limits"), B, REVOLVING),
    "33": Reason(_("A card or credit line is past due or derogatory"), P, REVOLVING),
    "34": Reason(_("Balances on cards and credit lines add up to a high total"), B, REVOLVING),
    "35": Reason(_("The highest balance on a card or credit line is high"), B, REVOLVING),
    "36": Reason(_("The highest limit of a card or credit line is low"), B, REVOLVING),
    "39": Reason(_("Available credit on open cards and credit lines is low"), B, REVOLVING),
    "40": Reason(_("The oldest card or credit line is not very old"), A, REVOLVING),
    "42": Reason(_("The newest card or credit line is very new"), A, REVOLVING),
    "43": Reason(_("The history of cards and credit lines is short"), A, REVOLVING),
    "44": Reason(_("Several cards or credit lines are past due or derogatory"), P, REVOLVING),
    "45": Reason(_("Balances on past due cards and credit lines are high"), P, REVOLVING),
    "47": Reason(_("No card or credit line is open"), M, REVOLVING),
    "48": Reason(_("No card or credit line has reported recently"), M, REVOLVING),
    "49": Reason(_("There is little information about cards and credit lines"), M, REVOLVING),
    "53": Reason(_("A real estate loan is past due or derogatory"), P, HOMES),
    "54": Reason(_("Little of the real estate loans has been paid down"), B, HOMES),
    "55": Reason(_("Balances on real estate loans are high compared with their amounts"), B, HOMES),
    "57": Reason(_("Several real estate loans are past due or derogatory"), P, HOMES),
    "58": Reason(_("Balances on real estate loans add up to a high total"), B, HOMES),
    "61": Reason(_("No real estate loan is open"), M, HOMES),
    "62": Reason(_("No real estate loan has reported recently"), M, HOMES),
    "63": Reason(_("There is little information about real estate loans"), M, HOMES),
    "64": Reason(_("No first mortgage is open"), M, HOMES),
    "65": Reason(_("There is little information about first mortgages"), M, HOMES),
    "66": Reason(_("Balances on auto loans are high compared with their amounts"), B, AUTOS),
    "68": Reason(_("No auto loan is open"), M, AUTOS),
    "69": Reason(_("There is little information about auto loans"), M, AUTOS),
    "71": Reason(_("Few installment loans, or installment loans with late payments"), P, LOANS),
    "72": Reason(_("Several installment loans are past due or derogatory"), P, LOANS),
    "73": Reason(_("An installment loan is past due or derogatory"), P, LOANS),
    "74": Reason(_("Little of the installment loans has been paid down"), B, LOANS),
    "75": Reason(_("The newest installment loan is very new"), A, LOANS),
    "76": Reason(_("The history of installment loans is short"), A, LOANS),
    "77": Reason(_("The last late payment on an installment loan is recent"), P, LOANS),
    "78": Reason(_("Balances on installment loans are high compared with their amounts"), B, LOANS),
    "79": Reason(_("Late payments on installment loans are recent"), P, LOANS),
    "81": Reason(_("No installment loan is open"), M, LOANS),
    "83": Reason(_("There is little information about installment loans"), M, LOANS),
    "84": Reason(_("Inquiries had a minor effect"), I),
    "85": Reason(_("There are many inquiries"), I),
    "86": Reason(_("There are several public records"), R),
    "87": Reason(_("There are unsatisfied public records"), R),
    "88": Reason(_("A public record is recent"), R),
}
FICO: Mapping[str, Reason] = {
    "8": Reason(_("There are many recent inquiries"), I),
    "9": Reason(_("Many accounts were opened recently"), A),
    "10": Reason(_("Balances are high compared with limits"), B, REVOLVING),
    "11": Reason(_("The amount owed on cards and credit lines is high"), B, REVOLVING),
    "12": Reason(_("The history of cards and credit lines is short"), A, REVOLVING),
    "13": Reason(_("The last late payment is recent, or its date is not known"), P),
    "14": Reason(_("Accounts have not been open for long"), A),
    "18": Reason(_("Several accounts have late payments"), P),
    "33": Reason(_("Balances on loans are high compared with their amounts"), B, LOANS),
    "38": Reason(_("There is a serious delinquency, and a public record or collection account"), P),
    "39": Reason(_("There is a serious delinquency"), P),
    "40": Reason(_("There is a public record or collection account"), R),
}
FAMILIES: Mapping[str, Mapping[str, Reason]] = {
    "vantagescore_3": VANTAGE,
    "vantagescore_4": VANTAGE,
    "fico_8": FICO,
    "fico_9": FICO,
}


def reason(model: str, factor: Factor) -> Reason:
    """Return the text of a model's factor. An unknown one has its number."""
    known = FAMILIES.get(model, {}).get(factor.code)
    return known or Reason(gettext("Factor %(code)s") % {"code": factor.code}, FactorCategory.UNKNOWN)


def accounts_behind(reason: Reason, accounts: Iterable[Tradeline]) -> tuple[Tradeline, ...]:
    """Return the accounts that a reason is about, the most important first; may be empty.

    Models do not say which accounts caused a reason. These are the accounts that the text of the reason describes.
    """
    select = ACCOUNT_FILTERS.get(reason.category)
    if select is None:
        return ()
    return tuple(select([account for account in accounts if not reason.kinds or account.kind in reason.kinds]))


def _late(accounts: list[Tradeline]) -> list[Tradeline]:
    """Accounts with a late month, an amount past due or a derogatory mark, the worst first."""
    late = [account for account in accounts if account.past_due or account.derogatory or _worst(account)]
    return sorted(late, key=lambda account: (-_worst(account), -(account.past_due or 0)))


def _worst(account: Tradeline) -> int:
    return max((bucket.severity for bucket in account.history.buckets), default=0) if account.history else 0


def _highly_utilized(accounts: list[Tradeline]) -> list[Tradeline]:
    """Open accounts with a balance: cards over the lowest threshold, or otherwise all, the largest balance first."""
    with_balance = [account for account in accounts if account.is_open and (account.balance or 0) > 0]
    over = [account for account in with_balance if (use := utilization_of(account)) and use.is_over(THRESHOLDS[0])]
    return sorted(over or with_balance, key=lambda account: -(account.balance or 0))


def _recently_opened(accounts: list[Tradeline]) -> list[Tradeline]:
    """The newest accounts first, and no more than three."""
    dated = [(account.opened.first, account) for account in accounts if account.opened]
    return [account for _opened, account in sorted(dated, key=lambda pair: pair[0], reverse=True)[:3]]


ACCOUNT_FILTERS: Mapping[FactorCategory, Callable[[list[Tradeline]], list[Tradeline]]] = {
    FactorCategory.PAYMENTS: _late,
    FactorCategory.BALANCES: _highly_utilized,
    FactorCategory.AGE: _recently_opened,
}
