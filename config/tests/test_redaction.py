"""What reaches a log of what went wrong: what kind of thing and where, and nothing of what it happened to."""

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

PERSON = "alice.canary@example.com"
SECRET = "canary-hunter2"
KEY = b"canary"
HOST = "canary.example"
LOGIN = f"host=127.0.0.1 port=1 user=canary password={SECRET}"
# None of them stands in the code of a failure, which a traceback shows.
CANARIES = ("canary", "hunter2", "666-12-3456")
Log = Callable[[], str]


@pytest.fixture(params=["ours", "a server's"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    """All that is logged, through our format or through a plain one as web servers bring along."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(LINE if request.param == "ours" else "[%(levelname)s] %(message)s"))
    logger = logging.getLogger()
    logger.addHandler(handler)
    yield stream.getvalue
    logger.removeHandler(handler)


# --- Each kind of failure ---------------------------------------------------------------------------------


def mail_refused() -> None:
    raise smtplib.SMTPRecipientsRefused({PERSON: (550, f"<{PERSON}>: no such user".encode())})


def mail_data_refused() -> None:
    raise smtplib.SMTPDataError(554, f"No mail for <{PERSON}>".encode())


def address_known() -> None:
    User.objects.create_user(PERSON)
    User.objects.create_user(PERSON)


def row_refused() -> None:
    LoginThrottle.objects.create(key=KEY, failures=1)


def no_uuid() -> None:
    with psycopg.connect(**_database()) as plain:
        plain.execute("SELECT %s::text::uuid", [SECRET])


def no_database() -> None:
    psycopg.connect(LOGIN)


def no_redis() -> None:
    raise redis.ConnectionError(f"Error connecting to redis://:{SECRET}@redis.internal:6379/0")


def no_host() -> None:
    url = f"/transactions/sync?access_token={SECRET}"
    raise MaxRetryError(HTTPConnectionPool(HOST), url, OSError(f"refused {SECRET}"))


def plaid_refused() -> None:
    error = ApiException(status=400, reason=f"Bad {SECRET}")
    error.body = f'{{"access_token": "access-sandbox-{SECRET}"}}'
    raise error


def not_valid() -> None:
    raise ValidationError(f"{PERSON} is no address", code="invalid")


def no_text() -> None:
    SECRET.encode("utf-16").decode("ascii")


def no_number() -> None:
    int(SECRET)


def no_key() -> None:
    raise KeyError(PERSON)


def a_cause_of_ours() -> None:
    try:
        mail_refused()
    except smtplib.SMTPException as error:
        raise RateLimited("RATE_LIMIT", scope="client", request_id="req-1") from error


FAILURES: dict[str, tuple[Callable[[], None], list[str]]] = {
    "SMTP refuses a recipient": (mail_refused, ["smtplib.SMTPRecipientsRefused"]),
    "SMTP refuses a mail": (mail_data_refused, ["smtplib.SMTPDataError", "smtp_code 554"]),
    "a unique violation": (address_known, ["IntegrityError", "sqlstate 23505", "constraint one_user_per_email"]),
    "a row that does not fit": (row_refused, ["IntegrityError", "sqlstate 23502", "table accounts_loginthrottle"]),
    "a value that does not fit": (no_uuid, ["InvalidTextRepresentation", "sqlstate 22P02"]),
    "a database that is away": (no_database, ["psycopg.OperationalError"]),
    "a Redis that is away": (no_redis, ["redis.exceptions.ConnectionError"]),
    "a host that is away": (no_host, ["urllib3.exceptions.MaxRetryError"]),
    "a refusal of Plaid's": (plaid_refused, ["plaid.exceptions.ApiException", "status 400"]),
    "a value that is refused": (not_valid, ["django.core.exceptions.ValidationError", "code invalid"]),
    "bytes that are no text": (no_text, ["UnicodeDecodeError", "encoding ascii"]),
    "a word that is no number": (no_number, ["ValueError"]),
    "a name that is not there": (no_key, ["KeyError"]),
    "one of ours with a cause": (a_cause_of_ours, ["RateLimited: RATE_LIMIT", "smtplib.SMTPRecipientsRefused"]),
}


def _database() -> dict[str, Any]:
    from django.db import connection

    return dict(connection.get_connection_params()) | {"cursor_factory": psycopg.Cursor}


def by_traceback(error: Exception) -> None:
    logging.getLogger("library").exception("It failed")


def by_argument(error: Exception) -> None:
    logging.getLogger("library").error("It failed: %s", error)


def by_repr(error: Exception) -> None:
    logging.getLogger("library").error("It failed: %r", error)


def by_name(error: Exception) -> None:
    logging.getLogger("library").error("It failed: %(error)s", {"error": error})


def by_text(error: Exception) -> None:
    logging.getLogger("library").error(f"It failed: {error}")


def by_itself(error: Exception) -> None:
    logging.getLogger("library").error(error)


def by_text_of_repr(error: Exception) -> None:
    logging.getLogger("library").error("It failed: %s", repr(error), exc_info=True)


WAYS = [by_traceback, by_argument, by_repr, by_name, by_text, by_itself, by_text_of_repr]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("failure", FAILURES)
def test_it_tells_what_happened_and_not_to_whom(log: Log, failure: str, way: Callable[[Exception], None]) -> None:
    fail, named = FAILURES[failure]
    try:
        fail()
    except Exception as error:
        way(error)
    told = log()
    assert told
    assert [canary for canary in CANARIES if canary in told] == []
    if way is by_traceback:
        assert [name for name in named if name not in told] == []
        assert f"in {fail.__name__}" in told
        assert "test_redaction.py" in told


@pytest.mark.parametrize("failure", FAILURES)
def test_it_tells_the_same_of_what_nobody_catches(failure: str, capsys: pytest.CaptureFixture[str]) -> None:
    fail, named = FAILURES[failure]
    try:
        fail()
    except Exception as error:
        redaction.log_uncaught(type(error), error, error.__traceback__)
    told = capsys.readouterr().err
    assert [canary for canary in CANARIES if canary in told] == []
    assert [name for name in named if name not in told] == []


# --- Celery's own lines -----------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", FAILURES)
def test_it_tells_of_a_job_that_failed_without_what_it_was_called_with(log: Log, failure: str) -> None:
    fail, named = FAILURES[failure]
    context = {
        "hostname": "here", "id": "job-1", "name": "accounts.emails.tasks.send_security_email",
        "description": "raised unexpected",
        "args": f"('{PERSON}',)", "kwargs": f"{{'code': '{SECRET}'}}", "internal": False,
    }  # fmt: skip
    logger = logging.getLogger("celery.app.trace")
    try:
        fail()
    except Exception as error:
        texts = {"exc": repr(error), "traceback": f"{error!r} in {SECRET}"}
        logger.error(f"{trace.LOG_FAILURE} %(args)s %(kwargs)s %(traceback)s", context | texts, exc_info=True)
        logger.info(trace.LOG_RETRY, context | {"exc": str(Retry(exc=error, when=30))})
    told = log()
    assert "Task accounts.emails.tasks.send_security_email[job-1] raised unexpected: " in told
    assert [canary for canary in CANARIES if canary in told] == []
    assert [name for name in named if name not in told] == []


def test_it_tells_of_a_job_that_comes_again_outside_of_the_exception_too(log: Log) -> None:
    text = str(Retry(exc=smtplib.SMTPDataError(554, f"No mail for {SECRET}".encode()), when=30))
    logging.getLogger("celery.app.trace").error(trace.LOG_RETRY, {"id": "1", "name": "x", "exc": text})
    assert "Task x[1] retry: Retry in 30s: SMTPDataError\n" in log()


def test_it_keeps_a_result_that_says_nothing_and_no_other(log: Log) -> None:
    logger = logging.getLogger("celery.app.trace")
    for result in ("None", "3", f"'{SECRET}'", "'a'"):
        logger.error(trace.LOG_SUCCESS, {"id": "1", "name": "x", "runtime": 0.1, "return_value": result})
    assert [line.rpartition(": ")[2] for line in log().splitlines()] == ["None", "3", "<hidden>", "<hidden>"]


def test_it_shows_nothing_of_a_message_that_celery_cannot_take(log: Log) -> None:
    from celery.worker.consumer import consumer

    logger = logging.getLogger("celery.worker.consumer.consumer")
    body = f"body: [['{PERSON}'], {{'code': '{SECRET}'}}]"
    headers = {"task": "gone", "argsrepr": f"('{PERSON}', '{SECRET}')"}
    logger.error(consumer.UNKNOWN_FORMAT, body)
    logger.error(consumer.UNKNOWN_TASK_ERROR, KeyError("gone"), body, headers, dict)
    logger.error(consumer.INVALID_TASK_ERROR, ValueError(SECRET), body)
    logging.getLogger("kombu.transport.redis").warning("Cannot process event on channel %r: %s", "x", f"{PERSON} {KEY}")
    told = log()
    assert "Received unregistered task" in told
    assert [canary for canary in CANARIES if canary in told] == []


# --- Texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"Mail to {PERSON} was refused",
        f'To: "Alice" <{PERSON}>;',
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
        f"duplicate key\nDETAIL:  Key (lower(email))=({PERSON}) already exists.",
        "Failing row contains (1, canary, null).",
        "Failing row contains (1, a,\ncanary).",
        f"redis://:a/{SECRET}@redis.internal:6379/0",
        f"postgres://alice:a@{SECRET}@db.internal/plumbline",
        f"Not Found: /a?email={PERSON.replace('@', '%40')}",
        f"{{'password': 'two words {SECRET}', 'a': 1}}",
        f'new_password="two words {SECRET}"',
        f"__Host-sessionid={SECRET}; a=b",
        f"Cookie: theme=dark; a={SECRET}",
        f"Authorization: Token {SECRET}",
        f"PLAID-SECRET: {SECRET}",
    ],
)
def test_it_takes_the_shapes_of_secrets_out_of_any_text(log: Log, text: str) -> None:
    logging.getLogger("library").error(text)
    logging.getLogger("library").error("%s", text)
    told = log()
    assert [canary for canary in (*CANARIES, "666123456") if canary in told] == []
    assert told.count("<hidden>") >= 2


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
def test_it_leaves_what_operators_need(log: Log, text: str) -> None:
    logging.getLogger("library").error(text)
    logging.getLogger("library").error("%s", text)
    assert log().count(text) == 2


def test_it_says_what_exceptions_of_ours_and_of_the_program_say(log: Log) -> None:
    for error in (
        RateLimited("RATE_LIMIT", scope="client", request_id="r-1"),
        ImproperlyConfigured("Set X."),
        NameError("y"),
    ):
        logging.getLogger("library").error("%s", error)
    assert "RATE_LIMIT" in log()
    assert "ImproperlyConfigured: Set X." in log()
    assert "NameError: y" in log()


def test_it_writes_values_that_do_not_fit_their_sentence_nowhere(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("library").error("%d of them", SECRET)
    logging.getLogger("library").error("%s and %s", SECRET)
    assert SECRET not in log() + capsys.readouterr().err
    assert log().count("(with values that do not fit)") == 2


def test_it_tells_of_a_refused_request_in_one_line(log: Log, client: Client) -> None:
    assert client.get("/", headers={"host": HOST}).status_code == 400
    assert client.post("/accounts/login/", dict.fromkeys(map(str, range(2000)), "1")).status_code == 400
    told = log().splitlines()
    assert [line.rpartition(": ")[2].rpartition(" ")[2] for line in told] == ["DisallowedHost", "TooManyFieldsSent"]
    assert all("WARNING" in line for line in told)


def test_it_names_the_request(settings: Any) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(LINE))
    logger = logging.getLogger(f"library.{uuid4().hex}")
    logger.addHandler(handler)
    with request_details(RequestFactory().get("/")) as facts:
        logger.error("Within")
    logger.error("Without")
    assert f"[{facts.request_id}]: Within" in stream.getvalue()
    assert "[-]: Without" in stream.getvalue()


def test_it_leaves_no_formatter_an_exception_to_write_out(log: Log) -> None:
    try:
        mail_refused()
    except smtplib.SMTPException:
        record = logging.getLogger("library").makeRecord(
            "library", logging.ERROR, "f", 1, "It failed", (), sys.exc_info()
        )
    assert record.exc_info is None
    assert "smtplib.SMTPRecipientsRefused" in str(record.exc_text)


def test_it_follows_exceptions_in_a_circle_and_in_groups() -> None:
    first, second = ValueError(SECRET), ExceptionGroup(SECRET, [KeyError(PERSON)])
    first.__cause__, second.__cause__ = second, first
    text = redaction.format_traceback(first)
    assert text.count("ValueError") == text.count("ExceptionGroup") == 1
    assert "KeyError" in text
    assert "canary" not in text


def test_it_holds_in_this_process() -> None:
    assert logging.getLogRecordFactory() is redaction.make_record
    assert {"accounts", "banking", "compliance", "config", "credit", "insights"} <= redaction.OURS
    assert "celery" not in redaction.OURS
    assert DatabaseError.__module__.split(".")[0] not in redaction.OURS
    assert sys.excepthook is not sys.__excepthook__
