"""The log of failures: which error and where, and no values of the data that it concerns."""

import io
import logging
import smtplib
import sys
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redis
from celery.app import trace
from celery.exceptions import Retry
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import DatabaseError
from django.test import Client, RequestFactory
from plaid.exceptions import ApiException
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError

from accounts.models import User
from accounts.sign_in.models import LoginThrottle
from banking.provider import RateLimited
from compliance.audit.request_details import request_details
from config.logging import redaction
from config.logging.settings import LINE

pytestmark = pytest.mark.django_db

EMAIL_ADDRESS = "alice.canary@example.com"
SECRET = "canary-hunter2"
KEY = b"canary"
HOST = "canary.example"
LOGIN = f"host=127.0.0.1 port=1 user=canary password={SECRET}"
# None of them is in the source lines of a failure, which a traceback shows.
CANARIES = ("canary", "hunter2", "666-12-3456")
Log = Callable[[], str]


@pytest.fixture(params=["ours", "a server's"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    """A function that returns the logged text, in our format or in a plain one like that of web servers."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(LINE if request.param == "ours" else "[%(levelname)s] %(message)s"))
    logger = logging.getLogger()
    logger.addHandler(handler)
    yield stream.getvalue
    logger.removeHandler(handler)


# --- Failures ---------------------------------------------------------------------------------------------


def raise_recipient_refused() -> None:
    raise smtplib.SMTPRecipientsRefused({EMAIL_ADDRESS: (550, f"<{EMAIL_ADDRESS}>: no such user".encode())})


def raise_mail_refused() -> None:
    raise smtplib.SMTPDataError(554, f"No mail for <{EMAIL_ADDRESS}>".encode())


def violate_unique_constraint() -> None:
    User.objects.create_user(EMAIL_ADDRESS)
    User.objects.create_user(EMAIL_ADDRESS)


def violate_not_null_constraint() -> None:
    LoginThrottle.objects.create(key=KEY, failures=1)


def cast_to_uuid() -> None:
    with psycopg.connect(**_database()) as connection:
        connection.execute("SELECT %s::text::uuid", [SECRET])


def connect_to_missing_database() -> None:
    psycopg.connect(LOGIN)


def raise_redis_error() -> None:
    raise redis.ConnectionError(f"Error connecting to redis://:{SECRET}@redis.internal:6379/0")


def raise_max_retry_error() -> None:
    url = f"/transactions/sync?access_token={SECRET}"
    raise MaxRetryError(HTTPConnectionPool(HOST), url, OSError(f"refused {SECRET}"))


def raise_plaid_error() -> None:
    error = ApiException(status=400, reason=f"Bad {SECRET}")
    error.body = f'{{"access_token": "access-sandbox-{SECRET}"}}'
    raise error


def raise_validation_error() -> None:
    raise ValidationError(f"{EMAIL_ADDRESS} is no address", code="invalid")


def decode_as_ascii() -> None:
    SECRET.encode("utf-16").decode("ascii")


def parse_as_number() -> None:
    int(SECRET)


def raise_key_error() -> None:
    raise KeyError(EMAIL_ADDRESS)


def raise_our_error_with_cause() -> None:
    try:
        raise_recipient_refused()
    except smtplib.SMTPException as error:
        raise RateLimited("RATE_LIMIT", scope="client", request_id="req-1") from error


FAILURES: dict[str, tuple[Callable[[], None], list[str]]] = {
    "SMTP refuses a recipient": (raise_recipient_refused, ["smtplib.SMTPRecipientsRefused"]),
    "SMTP refuses a mail": (raise_mail_refused, ["smtplib.SMTPDataError", "smtp_code 554"]),
    "a unique violation": (
        violate_unique_constraint,
        ["IntegrityError", "sqlstate 23505", "constraint one_user_per_email"],
    ),
    "a not-null violation": (
        violate_not_null_constraint,
        ["IntegrityError", "sqlstate 23502", "table accounts_loginthrottle"],
    ),
    "an invalid value for PostgreSQL": (cast_to_uuid, ["InvalidTextRepresentation", "sqlstate 22P02"]),
    "an unreachable database": (connect_to_missing_database, ["psycopg.OperationalError"]),
    "an unreachable Redis": (raise_redis_error, ["redis.exceptions.ConnectionError"]),
    "an unreachable host": (raise_max_retry_error, ["urllib3.exceptions.MaxRetryError"]),
    "an error of Plaid": (raise_plaid_error, ["plaid.exceptions.ApiException", "status 400"]),
    "a validation error": (raise_validation_error, ["django.core.exceptions.ValidationError", "code invalid"]),
    "bytes that are no text": (decode_as_ascii, ["UnicodeDecodeError", "encoding ascii"]),
    "a text that is no number": (parse_as_number, ["ValueError"]),
    "a missing key": (raise_key_error, ["KeyError"]),
    "our own error with a cause": (
        raise_our_error_with_cause,
        ["RateLimited: RATE_LIMIT", "smtplib.SMTPRecipientsRefused"],
    ),
}


def _database() -> dict[str, Any]:
    from django.db import connection

    return dict(connection.get_connection_params()) | {"cursor_factory": psycopg.Cursor}


def log_traceback(error: Exception) -> None:
    logging.getLogger("library").exception("It failed")


def log_argument(error: Exception) -> None:
    logging.getLogger("library").error("It failed: %s", error)


def log_repr(error: Exception) -> None:
    logging.getLogger("library").error("It failed: %r", error)


def log_by_name(error: Exception) -> None:
    logging.getLogger("library").error("It failed: %(error)s", {"error": error})


def log_text(error: Exception) -> None:
    logging.getLogger("library").error(f"It failed: {error}")


def log_error_itself(error: Exception) -> None:
    logging.getLogger("library").error(error)


def log_text_of_repr(error: Exception) -> None:
    logging.getLogger("library").error("It failed: %s", repr(error), exc_info=True)


LOG_CALLS = [log_traceback, log_argument, log_repr, log_by_name, log_text, log_error_itself, log_text_of_repr]


@pytest.mark.parametrize("log_error", LOG_CALLS)
@pytest.mark.parametrize("failure", FAILURES)
def test_it_logs_the_error_without_values(log: Log, failure: str, log_error: Callable[[Exception], None]) -> None:
    fail, expected = FAILURES[failure]
    try:
        fail()
    except Exception as error:
        log_error(error)
    text = log()
    assert text
    assert [canary for canary in CANARIES if canary in text] == []
    if log_error is log_traceback:
        assert [part for part in expected if part not in text] == []
        assert f"in {fail.__name__}" in text
        assert "test_redaction.py" in text


@pytest.mark.parametrize("failure", FAILURES)
def test_it_logs_an_uncaught_error_without_values(failure: str, capsys: pytest.CaptureFixture[str]) -> None:
    fail, expected = FAILURES[failure]
    try:
        fail()
    except Exception as error:
        redaction.log_uncaught(type(error), error, error.__traceback__)
    text = capsys.readouterr().err
    assert [canary for canary in CANARIES if canary in text] == []
    assert [part for part in expected if part not in text] == []


# --- Celery's own lines -----------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", FAILURES)
def test_it_logs_a_failed_task_without_its_arguments(log: Log, failure: str) -> None:
    fail, expected = FAILURES[failure]
    context = {
        "hostname": "here", "id": "job-1", "name": "accounts.emails.tasks.send_security_email",
        "description": "raised unexpected",
        "args": f"('{EMAIL_ADDRESS}',)", "kwargs": f"{{'code': '{SECRET}'}}", "internal": False,
    }  # fmt: skip
    logger = logging.getLogger("celery.app.trace")
    try:
        fail()
    except Exception as error:
        texts = {"exc": repr(error), "traceback": f"{error!r} in {SECRET}"}
        logger.error(f"{trace.LOG_FAILURE} %(args)s %(kwargs)s %(traceback)s", context | texts, exc_info=True)
        logger.info(trace.LOG_RETRY, context | {"exc": str(Retry(exc=error, when=30))})
    text = log()
    assert "Task accounts.emails.tasks.send_security_email[job-1] raised unexpected: " in text
    assert [canary for canary in CANARIES if canary in text] == []
    assert [part for part in expected if part not in text] == []


def test_it_logs_a_retried_task_without_values(log: Log) -> None:
    text = str(Retry(exc=smtplib.SMTPDataError(554, f"No mail for {SECRET}".encode()), when=30))
    logging.getLogger("celery.app.trace").error(trace.LOG_RETRY, {"id": "1", "name": "x", "exc": text})
    assert "Task x[1] retry: Retry in 30s: SMTPDataError\n" in log()


def test_it_hides_results_of_tasks_except_harmless_ones(log: Log) -> None:
    logger = logging.getLogger("celery.app.trace")
    for result in ("None", "3", f"'{SECRET}'", "'a'"):
        logger.error(trace.LOG_SUCCESS, {"id": "1", "name": "x", "runtime": 0.1, "return_value": result})
    assert [line.rpartition(": ")[2] for line in log().splitlines()] == ["None", "3", "<hidden>", "<hidden>"]


def test_it_hides_messages_that_celery_refuses(log: Log) -> None:
    from celery.worker.consumer import consumer

    logger = logging.getLogger("celery.worker.consumer.consumer")
    body = f"body: [['{EMAIL_ADDRESS}'], {{'code': '{SECRET}'}}]"
    headers = {"task": "gone", "argsrepr": f"('{EMAIL_ADDRESS}', '{SECRET}')"}
    logger.error(consumer.UNKNOWN_FORMAT, body)
    logger.error(consumer.UNKNOWN_TASK_ERROR, KeyError("gone"), body, headers, dict)
    logger.error(consumer.INVALID_TASK_ERROR, ValueError(SECRET), body)
    logging.getLogger("kombu.transport.redis").warning(
        "Cannot process event on channel %r: %s", "x", f"{EMAIL_ADDRESS} {KEY}"
    )
    text = log()
    assert "Received unregistered task" in text
    assert [canary for canary in CANARIES if canary in text] == []


# --- Texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"Mail to {EMAIL_ADDRESS} was refused",
        f'To: "Alice" <{EMAIL_ADDRESS}>;',
        f"redis://:{SECRET}@redis.internal:6379/0",
        f"postgres://canary:{SECRET}@db.internal/plumbline",
        "access-production-canary-1234",
        f"Authorization: Bearer {SECRET}",
        f"password={SECRET}&x=1",
        f'{{"client_secret": "{SECRET}", "a": 1}}',
        f"https://plumbline.example/accounts/unlock/{SECRET}AAAAAAAAAAAAAAAAAAAA/",
        f"Not Found: /accounts/password/reset/key/5-{SECRET}-0123456789abcdef/",
        "His number is 666-12-3456.",
        "number 666123456",
        f"duplicate key\nDETAIL:  Key (lower(email))=({EMAIL_ADDRESS}) already exists.",
        "Failing row contains (1, canary, null).",
        "Failing row contains (1, a,\ncanary).",
        f"redis://:a/{SECRET}@redis.internal:6379/0",
        f"postgres://alice:a@{SECRET}@db.internal/plumbline",
        f"Not Found: /a?email={EMAIL_ADDRESS.replace('@', '%40')}",
        f"{{'password': 'two words {SECRET}', 'a': 1}}",
        f'new_password="two words {SECRET}"',
        f"__Host-sessionid={SECRET}; a=b",
        f"Cookie: theme=dark; a={SECRET}",
        f"Authorization: Token {SECRET}",
        f"PLAID-SECRET: {SECRET}",
    ],
)
def test_it_hides_secrets_in_any_text(log: Log, text: str) -> None:
    logging.getLogger("library").error(text)
    logging.getLogger("library").error("%s", text)
    output = log()
    assert [canary for canary in (*CANARIES, "666123456") if canary in output] == []
    assert output.count("<hidden>") >= 2


@pytest.mark.parametrize(
    "text",
    [
        "No link token: RATE_LIMIT (request abc)",
        "Not Found: /transactions/0195b1a0-0000-7000-8000-000000000000/",
        "Item 0195b1a0-0000-7000-8000-123456789012: cursor lost, beginning again",
        "GET /static/js/link-initialize-and-more-0a1b2c.js",
        "celery@host ready.",
        "passkey-unreadable: second factor 5",
        "mail-not-sent, request 0a1b2c3d4e5f60718293a4b5c6d7e8f9: SMTPDataError 554",
        "100 % of it",
    ],
)
def test_it_keeps_texts_without_secrets(log: Log, text: str) -> None:
    logging.getLogger("library").error(text)
    logging.getLogger("library").error("%s", text)
    assert log().count(text) == 2


def test_it_keeps_the_messages_of_our_own_and_programming_errors(log: Log) -> None:
    for error in (
        RateLimited("RATE_LIMIT", scope="client", request_id="r-1"),
        ImproperlyConfigured("Set X."),
        NameError("y"),
    ):
        logging.getLogger("library").error("%s", error)
    assert "RATE_LIMIT" in log()
    assert "ImproperlyConfigured: Set X." in log()
    assert "NameError: y" in log()


def test_it_hides_values_that_do_not_fit_their_message(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("library").error("%d of them", SECRET)
    logging.getLogger("library").error("%s and %s", SECRET)
    assert SECRET not in log() + capsys.readouterr().err
    assert log().count("(with values that do not fit)") == 2


def test_it_logs_a_refused_request_in_one_line(log: Log, client: Client) -> None:
    assert client.get("/", headers={"host": HOST}).status_code == 400
    assert client.post("/accounts/login/", dict.fromkeys(map(str, range(2000)), "1")).status_code == 400
    lines = log().splitlines()
    assert [line.rpartition(": ")[2].rpartition(" ")[2] for line in lines] == ["DisallowedHost", "TooManyFieldsSent"]
    assert all("WARNING" in line for line in lines)


def test_it_logs_the_request_id(settings: Any) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(LINE))
    logger = logging.getLogger(f"library.{uuid4().hex}")
    logger.addHandler(handler)
    with request_details(RequestFactory().get("/")) as details:
        logger.error("Within")
    logger.error("Without")
    assert f"[{details.request_id}]: Within" in stream.getvalue()
    assert "[-]: Without" in stream.getvalue()


def test_it_leaves_no_exception_for_formatters(log: Log) -> None:
    try:
        raise_recipient_refused()
    except smtplib.SMTPException:
        record = logging.getLogger("library").makeRecord(
            "library", logging.ERROR, "f", 1, "It failed", (), sys.exc_info()
        )
    assert record.exc_info is None
    assert "smtplib.SMTPRecipientsRefused" in str(record.exc_text)


def test_it_formats_circular_causes_and_groups() -> None:
    first, second = ValueError(SECRET), ExceptionGroup(SECRET, [KeyError(EMAIL_ADDRESS)])
    first.__cause__, second.__cause__ = second, first
    text = redaction.format_traceback(first)
    assert text.count("ValueError") == text.count("ExceptionGroup") == 1
    assert "KeyError" in text
    assert "canary" not in text


def test_it_is_active_in_this_process() -> None:
    assert logging.getLogRecordFactory() is redaction.make_record
    assert {"accounts", "banking", "compliance", "config", "credit", "insights"} <= redaction.OURS
    assert "celery" not in redaction.OURS
    assert DatabaseError.__module__.split(".")[0] not in redaction.OURS
    assert sys.excepthook is not sys.__excepthook__
