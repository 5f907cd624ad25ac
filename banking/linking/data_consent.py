"""The consent to retrieve bank data, without which no bank is linked."""

from typing import Final
from uuid import UUID

from accounts.models import User
from banking.linking.errors import LinkError
from banking.models import Product
from banking.provider import Provider
from compliance.consent import (
    ConsentEvent,
    ConsentText,
    Purpose,
    get_active_consent,
    grant,
    lock_active_consent,
)
from compliance.consent.legal_texts import current_consent_text

# What the current text allows to be retrieved, as the ledger stores it.
PRODUCT_NAMES: Final = {Product.LIABILITIES: "liabilities", Product.RECURRING: "recurring payments"}
PRODUCTS: Final = ", ".join(("accounts", "balances", "transactions", *PRODUCT_NAMES.values()))


def consent_text(provider: Provider) -> ConsentText:
    """Return the current text, with the name of the provider."""
    return current_consent_text(Purpose.BANK_DATA, provider=provider.name)


def agree(*, user: User, provider: Provider, method: str = "web") -> ConsentEvent:
    """Record that a user agrees to the current text for this provider."""
    days = str(provider.link_settings().days_requested)
    scope = {"provider": provider.key, "products": PRODUCTS, "days": days}
    return grant(user=user, consent_text=consent_text(provider), scope=scope, method=method)


def has_agreed(*, user: User, provider: Provider) -> bool:
    """Whether the user's consent is active, to the current text and for this provider. One query."""
    active = get_active_consent(user_id=user.pk, purpose=Purpose.BANK_DATA, version=consent_text(provider).version)
    return active is not None and active.scope.get("provider") == provider.key


def list_covered_products(*, user_id: UUID) -> frozenset[Product]:
    """The products that a user's active consent allows to be read, to this text or to an earlier one. One query."""
    active = get_active_consent(user_id=user_id, purpose=Purpose.BANK_DATA)
    names = [] if active is None else active.scope.get("products", "").split(", ")
    return frozenset(product for product, name in PRODUCT_NAMES.items() if name in names)


def is_consent_active(user: User) -> bool:
    """Whether a consent of this user is active, to this text or to an earlier one, for any provider. One query."""
    return get_active_consent(user_id=user.pk, purpose=Purpose.BANK_DATA) is not None


def require_consent(*, user: User, provider: Provider) -> None:
    """Raise ``LinkError`` unless ``has_agreed``."""
    if not has_agreed(user=user, provider=provider):
        raise LinkError("no_consent")


def hold_consent(*, user: User) -> None:
    """Keep the consent from being withdrawn until the open transaction ends. Raises ``LinkError`` if there is none."""
    if lock_active_consent(user_id=user.pk, purpose=Purpose.BANK_DATA) is None:
        raise LinkError("no_consent")
