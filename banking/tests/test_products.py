"""The status of each product of an Item."""

import pytest

from banking.connection_status import products
from banking.models import Item, ItemProduct, Product
from banking.provider import ConsentRequired, NotReady, ProviderError, Unavailable, Unsupported
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db


def read_statuses(item: Item) -> dict[str, str]:
    with tenant(item.owner_id):
        return dict(ItemProduct.objects.filter(item=item).values_list("product", "status"))


def read_row(item: Item) -> dict[str, object]:
    with tenant(item.owner_id):
        return Item.objects.values("connection", "error_code", "failures", "next_sync_at", "readiness").get(pk=item.pk)


@pytest.mark.parametrize(
    ("listed", "statuses"),
    [
        ([], {}),
        (["transactions"], {"transactions": "pending", "liabilities": "unsupported", "recurring": "pending"}),
        (["liabilities"], {"transactions": "unsupported", "liabilities": "pending", "recurring": "unsupported"}),
        (
            ["balance", "recurring_transactions"],
            {"transactions": "unsupported", "liabilities": "unsupported", "recurring": "pending"},
        ),
    ],
)
def test_it_records_what_the_provider_lists(item: Item, listed: list[str], statuses: dict[str, str]) -> None:
    with tenant(item.owner_id):
        products.record_listed_products(item=item, listed=listed)
    assert read_statuses(item) == statuses


def test_it_follows_a_list_only_for_products_that_were_not_read(item: Item) -> None:
    with tenant(item.owner_id):
        products.record_listed_products(item=item, listed=["identity"])
        products.record_product_ready(item=item, product=Product.TRANSACTIONS)
        products.record_listed_products(item=item, listed=["liabilities"])
    assert read_statuses(item) == {"transactions": "ready", "liabilities": "pending", "recurring": "unsupported"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unsupported("NO_LIABILITY_ACCOUNTS"), "unsupported", "NO_LIABILITY_ACCOUNTS"),
        (Unsupported("PRODUCTS_NOT_SUPPORTED"), "unsupported", "PRODUCTS_NOT_SUPPORTED"),
        (ConsentRequired("ADDITIONAL_CONSENT_REQUIRED"), "not_consented", "ADDITIONAL_CONSENT_REQUIRED"),
        (NotReady("PRODUCT_NOT_READY"), "pending", ""),
        (Unavailable("X" * 200), "error", "X" * 100),
    ],
)
def test_it_keeps_an_error_of_one_product_away_from_the_item_and_other_products(
    item: Item, error: ProviderError, status: str, code: str
) -> None:
    before = read_row(item)
    with tenant(item.owner_id):
        products.record_product_ready(item=item, product=Product.TRANSACTIONS)
        products.record_product_ready(item=item, product=Product.LIABILITIES)
        products.record_product_error(item=item, product=Product.LIABILITIES, error=error)
        row = ItemProduct.objects.get(product=Product.LIABILITIES)
    assert (row.status, row.error_code) == (status, code)
    assert row.checked_at >= row.last_ok_at
    assert read_statuses(item) == {"transactions": "ready", "liabilities": status}
    assert read_row(item) == before


def test_it_clears_an_error_with_the_next_success(item: Item) -> None:
    with tenant(item.owner_id):
        products.record_product_error(item=item, product=Product.LIABILITIES, error=Unavailable("TIMEOUT"))
        products.record_product_ready(item=item, product=Product.LIABILITIES)
        row = ItemProduct.objects.get()
    assert (row.status, row.error_code, row.last_ok_at) == ("ready", "", row.checked_at)


def test_it_tries_refused_products_again(item: Item) -> None:
    refused = Unsupported("NO_LIABILITY_ACCOUNTS")
    with tenant(item.owner_id):
        products.record_product_ready(item=item, product=Product.TRANSACTIONS)
        products.record_product_error(item=item, product=Product.LIABILITIES, error=refused)
        products.request_recheck(item_id=item.pk)
    assert read_statuses(item) == {"transactions": "ready", "liabilities": "pending"}
