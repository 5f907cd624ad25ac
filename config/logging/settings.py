"""The logging settings: one line per event, to standard error."""

from typing import Any, Final

# At DEBUG these log what they send and receive, including tokens and addresses; fido2 logs credentials at INFO.
MIN_LEVELS: Final = {
    "fido2": "WARNING",
    # It warns of every request that waits for a thread.
    "waitress.queue": "ERROR",
    **dict.fromkeys(
        ("amqp", "celery", "django.db.backends", "kombu", "plaid", "plaid.rest", "redis", "urllib3"), "INFO"
    ),
}
LINE: Final = "%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s"


def logging_settings(level: str) -> dict[str, Any]:
    """The setting ``LOGGING``. ``config.logging.redaction.configure`` applies it and keeps private data out."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "logging.Formatter", "fmt": LINE, "defaults": {"request_id": "-"}}},
        # Not ``sys.stderr``, which Celery replaces by a logger.
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.__stderr__"}
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's own handlers would log everything twice in development, and email whole requests in production.
            "django": {"handlers": [], "level": "INFO"},
            **{name: {"level": level} for name, level in MIN_LEVELS.items()},
        },
    }
