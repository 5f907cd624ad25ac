"""The base of every model whose rows belong to one user."""

from typing import Any, Self, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, models
from uuid_utils.compat import uuid7

from compliance.isolation.tenant import NoTenant, current_tenant

Row = TypeVar("Row", bound=models.Model, covariant=True)


def new_id() -> UUID:
    """Return a primary key that sorts by time, so that an index grows at its end."""
    return uuid7()


class BoundQuerySet(models.QuerySet[Row]):
    """A queryset that refuses to run without a tenant, where row-level security would silently return no rows."""

    @property
    def db(self) -> str:
        # Everything that runs a queryset reads this property first, so one check covers all of it. Other aliases belong
        # to operators and migrations, whose roles have no tenant.
        alias: str = super().db
        if alias == DEFAULT_DB_ALIAS:
            self._require_tenant()
        return alias

    def _require_tenant(self) -> None:
        name = self.model._meta.label
        if current_tenant() is None:
            raise NoTenant(f"{name} was queried without a tenant. Use `with tenant(owner):`.")
        if not connections[DEFAULT_DB_ALIAS].in_atomic_block:
            raise NoTenant(f"{name} was queried outside a transaction. Use `with tenant(owner):`.")


class OwnedQuerySet(BoundQuerySet[Row]):
    """Rows of an owned model."""

    def for_user(self, user: Any) -> Self:
        """Filter by owner, given as a user or as an id."""
        return self.filter(owner=user)


class Owned(models.Model):
    """A row that belongs to one user and is invisible to all others.

    Its migration needs ``IsolateByOwner``, and ``OwnedReference`` for each foreign key to an owned model.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        # The unique key on (owner, id) that IsolateByOwner makes serves as the owner's index.
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        editable=False,
    )

    objects = OwnedQuerySet.as_manager()

    class Meta:
        abstract = True
