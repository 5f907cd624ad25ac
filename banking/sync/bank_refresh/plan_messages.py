"""What "Sync now" does, in words: whether it asks the bank, when it can again, how current the data is otherwise."""

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from banking.error_messages import bank_name
from banking.models import Item
from banking.provider import BankRefresh
from banking.providers import all_providers, find_provider
from banking.sync.bank_refresh.plan import RefreshPlan, RefreshState
from formats import dates


def describe_plan(item: Item, plan: RefreshPlan) -> list[str]:
    """Return the sentences about one Item."""
    if plan.state == RefreshState.AVAILABLE:
        return [describe_request(item, plan)]
    return [*describe_limit(item, plan), describe_reading(item), describe_last_update(item)]


def describe_request(item: Item, plan: RefreshPlan) -> str:
    """Say what the bank is asked for, and how often."""
    values = {"bank": bank_name(item.institution_name), "count": plan.per_day}
    if set(plan.kinds) == {BankRefresh.TRANSACTIONS}:
        return (
            ngettext(
                '"Sync now" asks %(bank)s for new transactions, once a day.',
                '"Sync now" asks %(bank)s for new transactions, up to %(count)s times a day.',
                plan.per_day,
            )
            % values
        )
    if set(plan.kinds) == {BankRefresh.BALANCES}:
        return (
            ngettext(
                '"Sync now" asks %(bank)s for its current balances, once a day.',
                '"Sync now" asks %(bank)s for its current balances, up to %(count)s times a day.',
                plan.per_day,
            )
            % values
        )
    return (
        ngettext(
            '"Sync now" asks %(bank)s for new transactions and current balances, once a day.',
            '"Sync now" asks %(bank)s for new transactions and current balances, up to %(count)s times a day.',
            plan.per_day,
        )
        % values
    )


def describe_limit(item: Item, plan: RefreshPlan) -> list[str]:
    """Say why the bank is not asked now, and when it can be again; nothing where it never is."""
    values = {
        "bank": bank_name(item.institution_name),
        "count": plan.per_day,
        "time": dates.moment(timezone.localtime(plan.again_at), today=timezone.localdate()),
        "provider": provider_name(item),
    }
    if plan.state == RefreshState.USED_UP:
        return [
            ngettext(
                "We already asked %(bank)s today. You can have it asked again from %(time)s on.",
                "We already asked %(bank)s %(count)s times today. You can have it asked again from %(time)s on.",
                plan.per_day,
            )
            % values
        ]
    if plan.state == RefreshState.SITE_USED_UP:
        return [_("This site has asked banks as often as it may today. You can ask again from %(time)s on.") % values]
    if plan.state == RefreshState.UNSUPPORTED:
        return [_("%(provider)s doesn't offer to ask %(bank)s for new data on request.") % values]
    return []


def describe_reading(item: Item) -> str:
    """Say what a sync does that does not ask the bank."""
    return _('"Sync now" downloads again what %(provider)s already has from %(bank)s.') % {
        "provider": provider_name(item),
        "bank": bank_name(item.institution_name),
    }


def describe_last_update(item: Item) -> str:
    """Say when the provider last updated its data from the bank."""
    values = {"provider": provider_name(item), "bank": bank_name(item.institution_name)}
    if item.data_as_of is None:
        return _("%(provider)s hasn't said yet when it last updated its data from %(bank)s.") % values
    time = dates.moment(timezone.localtime(item.data_as_of), today=timezone.localdate())
    return _("%(provider)s last updated its data from %(bank)s: %(time)s.") % {**values, "time": time}


def describe_all() -> str:
    """Return the sentence for all of a user's banks at once, by the settings alone; no query."""
    limits = [provider.usage_limits() for provider in all_providers()]
    per_day = max((limit.refreshes_per_day for limit in limits if limit.refresh_endpoints), default=0)
    if not per_day:
        return _('"Sync now" downloads again what was last collected from your banks, without asking them.')
    return ngettext(
        '"Sync now" asks each bank for new data, once a day where that is possible.',
        '"Sync now" asks each bank for new data, up to %(count)s times a day where that is possible.',
        per_day,
    ) % {"count": per_day}


def provider_name(item: Item) -> str:
    """The name of an Item's provider, also of one that the settings no longer list."""
    provider = find_provider(item.provider)
    return item.provider if provider is None else provider.name
