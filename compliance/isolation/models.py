"""What every row that belongs to a person has in common."""

from typing import Any, Self, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, models
from uuid_utils.compat import uuid7

from compliance.isolation.tenant import NoTenant, current_tenant

Row = TypeVar("Row", bound=models.Model, covariant=True)


def new_id() -> UUID:
    """Make a primary key that sorts by time, so that an index grows at its end."""
    return uuid7()


class BoundQuerySet(models.QuerySet[Row]):
    """A queryset that refuses to run where row-level security would quietly answer "nothing there"."""

    @property
    def db(self) -> str:
        # Whatever runs a queryset asks it for its database first, so this one door guards them all. Other
        # aliases belong to operators and migrations, whose roles are not bound to a tenant.
        alias: str = super().db
        if alias == DEFAULT_DB_ALIAS:
            self._demand_tenant()
        return alias

    def _demand_tenant(self) -> None:
        name = self.model._meta.label
        if current_tenant() is None:
            raise NoTenant(f"{name} was asked for while nobody is bound. Use `with tenant(owner):`.")
        if not connections[DEFAULT_DB_ALIAS].in_atomic_block:
            raise NoTenant(f"{name} was asked for outside a transaction. Use `with tenant(owner):`.")


class OwnedQuerySet(BoundQuerySet[Row]):
    """The rows of an owned model."""

    def for_user(self, user: Any) -> Self:
        """Rows of one person, given as a user or by id."""
        return self.filter(owner=user)


class Owned(models.Model):
    """A row that belongs to one person and that nobody else can see.

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
