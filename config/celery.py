"""The Celery app, the schedule of beat, and how workers start and stop."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import billiard
from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging, task_postrun, task_prerun, worker_init, worker_shutting_down
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from kombu import Queue

from config.jobs.broker import WORKERS_WAITS
from config.jobs.database_connections import check_connections, close_unusable_connections

# Seconds after the signal to stop: when running jobs return to the queue, and when the process exits in any case. A
# stop must take less than ten. Redis redelivers jobs that could not be returned after ``visibility_timeout``.
JOBS_END, PROCESS_ENDS = 4, 9

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("plumbline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
task_prerun.connect(check_connections)
task_postrun.connect(close_unusable_connections)
# Listed here, so that a worker without --queues serves all of them, in this order.
app.conf.task_queues = [Queue("celery"), Queue("celery.webhooks"), Queue("celery.routine"), Queue("celery.slow")]

app.conf.beat_schedule = {
    "sync the Items that are due": {"task": "banking.tasks.dispatch_due_syncs", "schedule": timedelta(seconds=15)},
    "check Items that require a sign-in": {
        "task": "banking.tasks.dispatch_due_checks",
        "schedule": crontab(minute="*/10"),
    },
    "look up links without an answer": {"task": "banking.tasks.retry_link_recoveries", "schedule": crontab()},
    "finish removals of accounts": {"task": "banking.tasks.retry_account_removals", "schedule": crontab()},
    "retry removals at the provider": {"task": "banking.tasks.retry_removals", "schedule": crontab()},
    "retry webhooks": {"task": "banking.tasks.retry_webhooks", "schedule": crontab()},
    "delete old webhooks": {"task": "banking.tasks.delete_old_webhooks", "schedule": crontab(minute="23")},
    "delete old runs of syncs": {"task": "banking.tasks.delete_old_sync_runs", "schedule": crontab(minute="47")},
    "update webhook URLs": {"task": "banking.tasks.dispatch_webhook_updates", "schedule": crontab(minute="*/5")},
    "remind of connections that end": {
        "task": "banking.tasks.dispatch_expiry_reminders",
        "schedule": crontab(minute="*/10"),
    },
    "count the calls of providers": {"task": "banking.tasks.store_call_counts", "schedule": crontab()},
    "forget old policy reports": {
        "task": "config.csp.tasks.delete_old_policy_violations",
        "schedule": crontab(minute="52"),
    },
    "delete expired sessions": {
        "task": "accounts.sign_in.tasks.delete_expired_sessions_and_failures",
        "schedule": crontab(minute="41"),
    },
    "delete accounts": {"task": "accounts.deletion.tasks.dispatch_due_deletions", "schedule": crontab(minute="*/10")},
    "check runways and figures": {"task": "insights.tasks.dispatch_daily_checks", "schedule": crontab(minute="34")},
    "send due digests": {"task": "accounts.notifications.tasks.dispatch_due_digests", "schedule": crontab()},
    "write due exports": {"task": "accounts.privacy.export.tasks.dispatch_due_exports", "schedule": crontab()},
    "purge old exports": {
        "task": "accounts.privacy.export.tasks.purge_old_exports",
        "schedule": crontab(minute="12"),
    },
    "apply retention": {"task": "accounts.privacy.retention.tasks.dispatch_due_retention", "schedule": crontab()},
    "pull due credit reports": {"task": "credit.tasks.dispatch_due_pulls", "schedule": crontab(minute="*/5")},
    "drop idle numbers": {"task": "credit.tasks.delete_idle_ssns", "schedule": crontab(hour="4", minute="7")},
    "look at our password": {"task": "credit.tasks.check_bureau_password", "schedule": crontab(hour="8", minute="3")},
    "verify the audit trail": {
        "task": "compliance.tasks.verify_audit_trail",
        "schedule": crontab(hour="3", minute="17"),
    },
    "anchor the audit trail": {"task": "compliance.tasks.anchor_audit_trail", "schedule": crontab(minute="11")},
    "purge the audit trail": {
        "task": "compliance.tasks.purge_audit_trail",
        "schedule": crontab(hour="4", minute="37"),
    },
    "record the accesses of yesterday": {
        "task": "compliance.tasks.record_daily_accesses",
        "schedule": crontab(hour="0", minute="29"),
    },
}


@setup_logging.connect
def configure_logging(**_: object) -> None:
    """Apply ``LOGGING`` to workers and beat, instead of Celery's own handlers and formats."""
    from django.conf import settings

    from config.logging import redaction

    redaction.configure(settings.LOGGING)
    logging.captureWarnings(capture=True)


@worker_init.connect
def check_before_serving(**_: object) -> None:
    """Exit a worker or beat if the serving checks fail or the database is unavailable.

    Raises ``SystemExit``, because Celery ignores other exceptions of a signal's receiver.
    """
    from compliance import timeouts
    from compliance.startup import require_serving_checks

    timeouts.set_timeouts(timeouts.JOB)
    app.conf.broker_transport_options = app.conf.broker_transport_options | WORKERS_WAITS
    try:
        require_serving_checks()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    # Child processes would otherwise share this process's connection.
    connections.close_all()


@worker_shutting_down.connect
def end_in_time(how: str, **_: object) -> None:
    """Limit how long a worker takes to stop. Celery would wait for its slowest job, and for Redis."""
    if how == "Warm":
        run_later(JOBS_END, lambda: os.kill(os.getpid(), signal.SIGQUIT))
    run_later(PROCESS_ENDS, end_now)


def run_later(seconds: float, function: Callable[[], None]) -> None:
    """Call a function after some seconds, if this process still runs."""
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    timer.start()


def end_now() -> None:
    """Kill this worker and its child processes."""
    for process in billiard.active_children():
        if process.pid:
            os.kill(process.pid, signal.SIGKILL)
    os._exit(1)
