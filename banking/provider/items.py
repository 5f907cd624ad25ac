"""Items and banks as a provider describes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from banking.provider.errors import ProviderError


@dataclass(frozen=True, slots=True)
class ItemDetails:
    """An Item as the provider describes it. ``error_code`` is empty when the Item is healthy.

    ``error`` is that error as a failed call would have raised it. Older data may still be readable. ``webhook`` is the
    URL to which the provider sends the Item's webhooks.
    """

    provider_item_id: str
    institution_id: str
    institution_name: str
    error_code: str
    webhook: str
    consent_expires_at: datetime | None
    data_as_of: datetime | None
    products: Sequence[str]
    error: "ProviderError | None" = None
    last_webhook: "SentWebhook | None" = None


class SentWebhook(NamedTuple):
    """The last webhook that the provider says it sent for an Item."""

    code: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class InstitutionDetails:
    """A bank as the provider describes it."""

    institution_id: str
    name: str
    url: str
    color: str
