"""Whose bank an Item belongs to."""

from datetime import timedelta

from django.utils import timezone

from banking.models import Institution, Item
from banking.provider import ItemDetails, ProviderClient

KEEP = timedelta(days=7)


def known(*, provider: ProviderClient, item: Item, facts: ItemDetails) -> Institution | None:
    """Return the Item's bank, asking the provider when ours is missing or a week old.

    ``None`` when the provider does not say which bank it is. Raises ``ProviderError``.
    """
    if not facts.institution_id:
        return None
    bank = Institution.objects.filter(provider=item.provider, provider_id=facts.institution_id).first()
    if bank is not None and bank.fetched_at is not None and timezone.now() - bank.fetched_at < KEEP:
        return bank
    told = provider.get_institution(facts.institution_id)
    bank, _ = Institution.objects.update_or_create(
        provider=item.provider,
        provider_id=told.institution_id,
        defaults={"name": told.name, "url": told.url, "color": told.color, "fetched_at": timezone.now()},
    )
    return bank
