"""Makes the owner of a background job its tenant."""

from typing import Any

from celery import Task

from compliance.isolation.tenant import tenant_context


class TenantTask(Task[..., Any]):
    """A task whose first argument is its owner's id, which is the tenant of every transaction that it opens.

    The task itself is not a transaction: open short ones around work on rows, and none around a call to a provider.
    Raises ``TypeError`` when called without an owner, ``ValueError`` when the owner is not a UUID.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not args:
            raise TypeError(f"{self.name} needs its owner's id as first argument.")
        with tenant_context(args[0]):
            # Not super().__call__: Celery has pushed this request already; a second push hides its retries.
            return self.run(*args, **kwargs)
