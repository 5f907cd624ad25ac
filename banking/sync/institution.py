"""The bank that an Item belongs to."""

from datetime import timedelta

from django.utils import timezone

from banking.models import Institution, Item
from banking.provider import ItemDetails, ProviderClient

MAX_AGE = timedelta(days=7)


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
