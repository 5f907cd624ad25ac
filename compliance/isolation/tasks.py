"""Binds each background job to the owner it works for."""

from typing import Any

from celery import Task

from compliance.isolation.tenant import tenant_context


class TenantTask(Task[..., Any]):
    """A job whose first argument is its owner's id; every transaction it opens is bound to that owner.

    The job itself is no transaction: open short ones around the work on rows and none around a provider's
    answer. Raises ``TypeError`` when called without an owner, ``ValueError`` when the owner is no UUID.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not args:
            raise TypeError(f"{self.name} needs its owner's id as first argument.")
        with tenant_context(args[0]):
            # Not super().__call__: Celery has pushed this request already; a second push hides its retries.
            return self.run(*args, **kwargs)
