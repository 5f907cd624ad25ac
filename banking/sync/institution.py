"""The bank that an Item belongs to: calls about it, and what is done while it does not respond."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from banking.limits.institution_breaker import InstitutionBreaker
from banking.models import Institution, Item
from banking.provider import InstitutionDown, ItemDetails, Priority, ProviderClient, ProviderError, TimedOut
from banking.providers import provider_for
from banking.sync.timeouts import SyncTimeouts

MAX_AGE = timedelta(days=7)
# Who waits for a sync, by what started it; a person for all others.
PRIORITIES = {"beat": Priority.ROUTINE, "webhook": Priority.WEBHOOK, "follow-up": Priority.WEBHOOK}


def connect_for_sync(*, item: Item, trigger: str) -> ProviderClient:
    """Return the provider's client, whose calls count against the rate limits of this Item and its bank."""
    return (
        provider_for(item.provider)
        .connect()
        .for_item(
            key=str(item.pk),
            institution_id="" if item.institution is None else item.institution.provider_id,
            priority=PRIORITIES.get(trigger, Priority.PERSON),
        )
    )


def load_institution(*, provider: ProviderClient, item: Item, details: ItemDetails) -> Institution | None:
    """Return the Item's bank, fetched from the provider if it is not stored or its details are a week old.

    ``None`` if the provider does not name the bank. Raises ``ProviderError``.
    """
    if not details.institution_id:
        return None
    institution = Institution.objects.filter(provider=item.provider, provider_id=details.institution_id).first()
    fetched_at = institution.fetched_at if institution else None
    if fetched_at is not None and timezone.now() - fetched_at < MAX_AGE:
        return institution
    fetched = provider.get_institution(details.institution_id)
    institution, _ = Institution.objects.update_or_create(
        provider=item.provider,
        provider_id=fetched.institution_id,
        defaults={"name": fetched.name, "url": fetched.url, "color": fetched.color, "fetched_at": timezone.now()},
    )
    return institution


@contextmanager
def guard_institution(*, item: Item, timeouts: SyncTimeouts) -> Iterator[None]:
    """Make no call about a bank that did not respond for several Items, and record how the calls in the block end.

    A timeout counts only where the bank had all the time that it may take. Raises ``InstitutionPaused``.
    """

    def is_failure(error: ProviderError) -> bool:
        return isinstance(error, InstitutionDown | TimedOut) and not timeouts.should_hand_over(error)

    institution_id = "" if item.institution is None else item.institution.provider_id
    breaker = InstitutionBreaker(f"{item.provider}:{item.environment}", institution_id)
    with breaker.guard(str(item.pk), is_failure=is_failure):
        yield
