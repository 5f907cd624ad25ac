"""Keep personal data and secrets out of the logs of every process, also those that libraries log.

Exceptions of libraries repeat their input: a mail server's refusal the address, a database error the row, a connection
error the password. So of such an exception only the class, its numbers and names (``describe``) and the traceback are
logged. The texts of our own exceptions are safe to log. From all remaining text, patterns of addresses, tokens and
passwords are removed (``scrub``).

This happens when a record is created, before any logger, handler or formatter sees it, so none can bypass it.
"""

import logging
import logging.config
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from celery import current_task

from compliance.audit.request_details import current_request_details

HIDDEN: Final = "<hidden>"
ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = frozenset(folder.name for folder in ROOT.iterdir() if (folder / "__init__.py").exists())
# Their texts are about the program and its settings, never about its data.
PLAIN: Final = frozenset({
    "AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "NotImplementedError", "UnboundLocalError",
    "AppRegistryNotReady", "ImproperlyConfigured", "TemplateDoesNotExist", "TemplateSyntaxError",
})  # fmt: skip
# Attributes of library exceptions that are safe to log: numbers, and names from source code.
SAFE_ATTRIBUTES: Final = ("errno", "smtp_code", "status", "status_code", "code", "sqlstate", "encoding")
SAFE_NAMES: Final = ("table_name", "column_name", "constraint_name")
SAFE_VALUE: Final = re.compile(r"[\w.-]{1,60}")
# Shorter texts say too little to identify anybody, and would match inside other words.
MIN_TEXT_LENGTH: Final = 6
# Texts in Celery's own log records: a job's arguments, its result, its traceback.
JOB_TEXTS: Final = frozenset({"args", "kwargs", "argsrepr", "kwargsrepr", "return_value", "traceback"})
BARE_RESULT: Final = re.compile(r"None|True|False|-?\d{1,9}")
# The beginnings of Celery's records that contain a whole invalid message.
WHOLE_MESSAGES: Final = (
    "Received and deleted", "Received unregistered task", "Received invalid task", "Cannot process event",
)  # fmt: skip

PATTERNS: Final = (
    # The second line of a database error, which shows values.
    (re.compile(r"^(\s*(?:DETAIL|CONTEXT|QUERY|PARAMETERS|LINE \d+):).*", re.MULTILINE), rf"\1 {HIDDEN}"),
    (re.compile(r"Key \([^)]*\)=\(.*?\)(?= |$)"), HIDDEN),
    # To the end, because a value can span many lines.
    (re.compile(r"Failing row contains .*", re.DOTALL), HIDDEN),
    # To the last at sign, because passwords can contain unescaped at signs and slashes.
    (re.compile(r"(?<=://)[^\s/@:\"'<>]*:[^\s\"'<>]*(?=@)"), HIDDEN),
    (re.compile(r"\b(?:access|public|link|processor|user|item)-(?:sandbox|development|production)-[\w-]+"), HIDDEN),
    (re.compile(r"(?i)\b((?:set-)?cookie|authorization|[\w-]+-(?:secret|token|key)): .*"), rf"\1: {HIDDEN}"),
    (re.compile(r"\b(Bearer|Basic) +[\w.~+/=-]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"[^\s<>\"'(),;:\[\]=]+(?:@|%40)[\w-]+(?:\.[\w-]+)+"), HIDDEN),
    (re.compile(r"(?<![\w-])(?:\d{3}-\d{2}-\d{4}|\d{9})(?![\w-])"), HIDDEN),
    (
        re.compile(
            r"(?i)\b(\w*(?:passw(?:or)?d|secret|token|api_?key|authorization|session_?(?:key|id)|cookie)\w*"
            r"[\"']?(?:=|(?<=[\"']): ?))(?:\"[^\"]*\"|'[^']*'|[\"']?[^\s,;&\"')}]+)"
        ),
        rf"\1{HIDDEN}",
    ),
    # A path segment that is too long for a word, such as the key of a sign-in link. UUIDs and file names stay.
    (re.compile(r"(?<=/)(?![0-9a-f-]{36}(?:/|\b))[\w:~=-]{24,}(?=[/?\s\"']|$)"), HIDDEN),
)

# The prefix of Django's loggers for refused requests. Any client can send many of them, so they are only warnings.
REFUSED: Final = "django.security."

make_plain_record: Final = logging.LogRecord


def configure(settings: dict[str, Any]) -> None:
    """Apply ``LOGGING`` to this process with redaction of all records. For Django's setting ``LOGGING_CONFIG``."""
    logging.setLogRecordFactory(make_record)
    logging.config.dictConfig(settings)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = log_uncaught
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = log_uncaught_in_thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = log_unraisable


# --- Records ----------------------------------------------------------------------------------------------


def make_record(*values: Any, **more: Any) -> logging.LogRecord:
    """Create a record with its final, redacted text and the id of the current request or job."""
    record = make_plain_record(*values, **more)
    error = record.exc_info[1] if record.exc_info else None
    if record.name.startswith(REFUSED):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    elif record.exc_info and error is not None:
        record.exc_text = format_traceback(error, record.exc_info[2])
    record.exc_info = None
    record.msg, record.args = message_of(record, error or sys.exc_info()[1]), None
    record.request_id = current_request_details().request_id or job_id() or "-"
    return record


def job_id() -> str:
    """The id of the current Celery job; empty outside of a job."""
    return str(current_task.request.id or "") if current_task else ""


def message_of(record: logging.LogRecord, error: BaseException | None) -> str:
    """The text of a record, without the texts of the exception that it is about."""
    template = describe(record.msg) if isinstance(record.msg, BaseException) else str(record.msg)
    hides_all = template.lstrip().startswith(WHOLE_MESSAGES)
    try:
        text = template % _redact_arguments(record.args, error, hides_all=hides_all) if record.args else template
    except (KeyError, TypeError, ValueError):
        text = f"{template} (with values that do not fit)"
    return scrub(remove_texts_of(text, error))


def _redact_arguments(arguments: Any, error: BaseException | None, *, hides_all: bool) -> Any:
    if isinstance(arguments, Mapping):
        return {name: _cleaned_job_text(name, value, error) for name, value in arguments.items()}
    return tuple(_cleaned_value(value, hides_all=hides_all) for value in arguments)


def _cleaned_value(value: object, *, hides_all: bool) -> object:
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, int | float | type) or value is None:
        return value
    return HIDDEN if hides_all else value


def _cleaned_job_text(name: object, value: object, error: BaseException | None) -> object:
    if name in JOB_TEXTS and not BARE_RESULT.fullmatch(str(value)):
        return HIDDEN
    if name == "exc" and isinstance(value, str):
        return describe(error) if error is not None else re.sub(r"\(.*", "", value, flags=re.DOTALL)
    return _cleaned_value(value, hides_all=False)


# --- Exceptions -------------------------------------------------------------------------------------------


def describe(error: BaseException) -> str:
    """Return an exception's class, with its text if that is safe to log, otherwise with its numbers and names."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    inner = getattr(error, "exc", None)
    if isinstance(inner, BaseException):
        # Celery's Retry.
        return f"{name} after {describe(inner)}"
    if is_ours(error) or kind.__name__ in PLAIN:
        text = scrub(remove_texts_of(str(error), error.__cause__ or error.__context__))
        return f"{name}: {text}" if text else name
    details = [*list_safe_details(error), *(describe(inner) for inner in getattr(error, "exceptions", ()))]
    return f"{name} ({', '.join(details)})" if details else name


def is_ours(error: BaseException) -> bool:
    """Whether an exception is this project's own, whose texts contain no private data."""
    return type(error).__module__.partition(".")[0] in OURS


def list_safe_details(error: BaseException) -> Iterator[str]:
    """Yield the safe attributes of a library's exception, such as a code, and its table, column and constraint."""
    for source in (error, error.__cause__):
        for name in SAFE_ATTRIBUTES:
            value = getattr(source, name, None)
            if isinstance(value, int | str) and SAFE_VALUE.fullmatch(str(value)):
                yield f"{name} {value}"
        for name in SAFE_NAMES:
            value = getattr(getattr(source, "diag", None), name, None)
            if isinstance(value, str) and SAFE_VALUE.fullmatch(value):
                yield f"{name.partition('_')[0]} {value}"
        if not type(error).__module__.startswith("django.db"):
            return


def format_traceback(error: BaseException, frames: Any = None) -> str:
    """The traceback of an exception and of its causes, each with the result of ``describe`` instead of its text."""
    parts = []
    for link in _chain(error):
        tb = frames if link is error and isinstance(frames, TracebackType) else link.__traceback__
        parts.append(f"{''.join(traceback.format_tb(tb))}{describe(link)}")
    return "Traceback (most recent call last):\n" + "\n\nwhich led to:\n\n".join(reversed(parts))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


# --- Texts ------------------------------------------------------------------------------------------------


def remove_texts_of(text: str, error: BaseException | None) -> str:
    """Replace the texts of library exceptions that a caller has put into a message."""
    for link in _chain(error):
        if not is_ours(link):
            for part in _texts(link):
                text = text.replace(part, type(link).__qualname__)
    return text


def _texts(error: BaseException) -> Iterable[str]:
    parts = [repr(error), str(error), *(str(part) for part in error.args)]
    return sorted({part for part in parts if len(part) >= MIN_TEXT_LENGTH}, key=len, reverse=True)


def scrub(text: str) -> str:
    """Replace email addresses, tokens, passwords and numbers like Social Security numbers in a text."""
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text


# --- Uncaught exceptions ----------------------------------------------------------------------------------


def log_uncaught(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
    """Log an exception that ends a process, such as a management command."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.stderr.write(f"{format_traceback(error, frames)}\n")


def log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    """Log an exception that ends a thread."""
    if args.exc_value is not None:
        sys.stderr.write(f"In a thread: {format_traceback(args.exc_value, args.exc_traceback)}\n")


def log_unraisable(args: "sys.UnraisableHookArgs") -> None:
    """Log an exception that cannot be raised, such as in a destructor."""
    if args.exc_value is not None:
        sys.stderr.write(f"Ignored: {format_traceback(args.exc_value, args.exc_traceback)}\n")
