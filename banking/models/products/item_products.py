"""What the provider offers for each Item: transactions, and products that need more of the bank or of the user."""

from typing import ClassVar

from django.db import models

from compliance.isolation.models import Owned


class Product(models.TextChoices):
    """A kind of data that is read from the provider. The values are stored; never change or reuse one."""

    TRANSACTIONS = "transactions"
    LIABILITIES = "liabilities"
    RECURRING = "recurring"
    # What the provider fetches from the bank on request: see ``sync.bank_refresh``.
    TRANSACTIONS_REFRESH = "transactions_refresh"
    BALANCE = "balance"


class ItemProduct(Owned):
    """The status of one product of an Item. ``connection_status.products`` alone writes it.

    A product that fails affects no other one, and the Item only if it is transactions.
    """

    class Status(models.TextChoices):
        UNSUPPORTED = "unsupported"
        NOT_CONSENTED = "not_consented"
        # Not read yet, or the provider is still preparing it.
        PENDING = "pending"
        READY = "ready"
        ERROR = "error"

    # No index: the unique one below begins with this column.
    item = models.ForeignKey("banking.Item", on_delete=models.CASCADE, related_name="product_states", db_index=False)
    product = models.CharField(max_length=20, choices=Product)
    status = models.CharField(max_length=15, choices=Status, default=Status.PENDING)
    error_code = models.CharField(max_length=100, blank=True)
    # When it was last read, with any result, and when with success.
    checked_at = models.DateTimeField(null=True)
    last_ok_at = models.DateTimeField(null=True)
    # From then on it has to be read, also if it was read today: it has changed, or it has failed. Of transactions, the
    # Item's ``next_sync_at`` says that.
    next_read_at = models.DateTimeField(null=True)
    # Rows that could not be stored when it was last read, and which fields of how many rows were invalid.
    skipped_rows = models.PositiveIntegerField(default=0, db_default=0)
    field_errors = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "product"], name="one_row_per_product_of_item")
        ]
