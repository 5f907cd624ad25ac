"""The tasks of this app, for Celery."""

from config.csp.tasks import delete_old_policy_violations

__all__ = ["delete_old_policy_violations"]
