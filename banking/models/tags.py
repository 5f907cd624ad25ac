"""Tags that a person puts on transactions."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models.functions import Lower

from compliance.isolation.models import Owned

MAX_TAG_LENGTH = 40


class Tag(Owned):
    """A person's own word for transactions. Two tags that differ only in case are one."""

    name = models.CharField(max_length=MAX_TAG_LENGTH)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("owner", Lower("name"), name="one_tag_per_name")]

    def __str__(self) -> str:
        return self.name


class TransactionTag(Owned):
    """A tag on a transaction; ``rule`` and ``run`` are the ids of the rule that put it there, and of its run.

    ``is_removed`` says that the person took the tag off. The row stays, so that no rule puts the tag on again.

    ``transaction`` is an id and not a foreign key, which would need a unique key on transactions that slows down each
    stored row. Code that deletes transactions deletes these rows, too; one that is left has no effect.
    """

    transaction: "models.UUIDField[UUID, UUID]" = models.UUIDField()
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="on_transactions")
    rule = models.UUIDField(null=True)
    run = models.UUIDField(null=True)
    is_removed = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["transaction", "tag"], name="one_tag_per_transaction"),
        ]
