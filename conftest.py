"""Fixtures of all tests: users, the test database and the browser.

Each test process has its own database, migrated by its owner and used through the site's role, as in production. A
superuser empties the tables after transactional tests, because no role of the site may.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import time_machine
from django.contrib.auth.hashers import get_hasher, make_password
from django.core.management import call_command
from django.db import connections
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

CHROMIUM = os.environ.get("BROWSER_PATH") or shutil.which("chromium") or shutil.which("google-chrome")
pytest_plugins = ["banking.tests.sandbox_process"]

OWN_CLOCK = Now.as_postgresql
PASSWORD = "correct horse battery staple"  # noqa: S105


# --- The database -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: pytest.FixtureRequest, worker_id: str) -> Iterator[None]:
    """Create this process's database with roles, grants and tables, as an operator does."""
    name = f"test_plumbline_{worker_id}"
    with django_db_blocker.unblock():
        for connection in connections.all():
            connection.close()
            connection.settings_dict["NAME"] = name
        call_command("setup_database", recreate=True, verbosity=0)
        call_command("migrate", database="owner", verbosity=0)
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    return getattr(request.config, "workerinput", {}).get("workerid", "main")


@pytest.fixture(autouse=True)
def _empty_tables(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty the tables after a transactional test, except the append-only audit trail."""
    yield
    marker = request.node.get_closest_marker("django_db")
    if (marker and marker.kwargs.get("transaction")) or {"transactional_db", "live_server"} & set(request.fixturenames):
        from config.tests.table_emptying import empty_tables

        with request.getfixturevalue("django_db_blocker").unblock():
            empty_tables()


def connect_as_role(alias: str) -> psycopg.Connection:
    """Open a connection as another role, outside of Django's test transaction."""
    return psycopg.connect(**connections[alias].get_connection_params() | {"cursor_factory": psycopg.Cursor})


@pytest.fixture(autouse=True, scope="session")
def _travel_with_the_database() -> Iterator[None]:
    """Let ``Now()`` be the time to which a test travels. Without travel it stays PostgreSQL's own clock.

    Otherwise a test of a time in the future could only change the rows, and would not notice which clock decides.
    """

    def as_postgresql(self: Now, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[object]]:
        if time_machine.escape_hatch.is_travelling():
            return "%s::timestamptz", [timezone.now()]
        return OWN_CLOCK(self, compiler, connection, **extra)

    Now.as_postgresql = as_postgresql
    yield
    Now.as_postgresql = OWN_CLOCK


@pytest.fixture
def own_database_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test travel with this process's clock alone: that of a machine whose clock is wrong."""
    monkeypatch.setattr(Now, "as_postgresql", OWN_CLOCK)


def terminate_database_connection() -> None:
    """Terminate this process's default connection, as a restart of PostgreSQL does."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend_pid,) = cursor.fetchone()
    with connect_as_role("default") as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [backend_pid])


@pytest.fixture(autouse=True)
def _close_circuit_breaker() -> Iterator[None]:
    """Close the circuit breaker after each test, so that an unavailable Redis does not affect the next one."""
    yield
    from config.cache import circuit_breaker

    circuit_breaker.close()


@pytest.fixture(autouse=True)
def _own_limits_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of its own for each test: one that pauses a bank, or parks a call, must not delay all others."""
    from banking.limits import call_limits

    prefix = uuid4().hex
    monkeypatch.setattr(call_limits, "get_key_prefix", lambda environment: f"{{{prefix}:{environment}}}")


@pytest.fixture
def own_cache(settings) -> None:
    """A key prefix in Redis for one test. Test processes share one Redis, and rate limits count the same users."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": uuid4().hex}}


@pytest.fixture
def as_operator(transactional_db: None) -> Callable[..., list[tuple[object, ...]]]:
    """A function that queries the database as the role that sees all rows."""

    def query(sql: str, *values: object) -> list[tuple[object, ...]]:
        with connect_as_role("ops") as operator:
            return operator.execute(sql, values).fetchall()

    return query


@pytest.fixture
def damage_keys() -> Iterator[Callable[[UUID], None]]:
    """A function that damages all data keys of an owner. Keys outlive a test, so they are restored afterwards."""
    from compliance.models import DataKey
    from compliance.vault import data_keys

    keys, original = DataKey.objects.using("ops"), {}

    def damage(owner: UUID) -> None:
        owner_keys = keys.filter(owner=owner)
        original.update(owner_keys.values_list("pk", "wrapped"))
        owner_keys.update(wrapped=b"0" * 60)
        data_keys.clear_cache()

    yield damage
    for pk, wrapped in original.items():
        keys.filter(pk=pk).update(wrapped=wrapped)


# --- Users ------------------------------------------------------------------------------------------------


@pytest.fixture
def agree_to_texts(db: None) -> Callable[..., None]:
    """A function that stores a user's consents: to the required texts and to bank data.

    They are stored without the events of the audit trail that the site records with them, so that the trail of a test
    has only what the test does.
    """
    from accounts.agreements.required_texts import ELIGIBILITY, REQUIRED, STATEMENT
    from banking.linking.data_consent import PRODUCTS, consent_text
    from banking.providers import DEFAULT_PROVIDER, provider_for
    from compliance.consent import ConsentEvent
    from compliance.consent.legal_texts import current_consent_text
    from compliance.isolation import tenant

    def agree(user: Any) -> None:
        bank_data = {"provider": DEFAULT_PROVIDER, "products": PRODUCTS}
        scopes = {"terms": {ELIGIBILITY: STATEMENT}, "bank_data": bank_data}
        texts = [*map(current_consent_text, REQUIRED), consent_text(provider_for(DEFAULT_PROVIDER))]
        events = [
            ConsentEvent(
                owner=user.pk,
                kind=ConsentEvent.Kind.GRANTED,
                purpose=text.purpose,
                version=text.version,
                sha256=text.sha256,
                text=text.text,
                scope=scopes.get(text.purpose, {}),
                locale="en-us",
                method="web",
                at=user.created_at,
            )
            for text in texts
        ]
        with tenant(user.pk):
            ConsentEvent.objects.bulk_create(events)

    return agree


@pytest.fixture
def make_user(agree_to_texts: Callable[..., None]) -> Callable[..., object]:
    """A function that creates a user who confirmed their address and agreed to the texts."""
    from allauth.account.models import EmailAddress

    from accounts.models import User

    def make(name: str, password: str | None = None) -> User:
        user = User.objects.create_user(f"{name}@example.com", first_name=name.capitalize())
        if password:
            user.password = hash_once(password, get_hasher().algorithm)
            user.save(update_fields=["password"])
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        agree_to_texts(user)
        return user

    return make


@cache
def hash_once(password: str, algorithm: str) -> str:
    """Hash a password for the users of all tests, because one hash takes longer than most tests."""
    return make_password(password, hasher=algorithm)


@pytest.fixture
def alice(make_user: Callable[..., object]) -> object:
    """The owner of a test's objects."""
    return make_user("alice")


@pytest.fixture
def mallory(make_user: Callable[..., object]) -> object:
    """Another user, who must never see that Alice's objects exist."""
    return make_user("mallory")


@pytest.fixture
def root(make_user: Callable[..., object]) -> object:
    """An operator with all permissions."""
    user = make_user("root")
    user.is_staff = user.is_superuser = True
    user.save()
    return user


@pytest.fixture
def as_alice(alice: object) -> Client:
    return make_signed_in_client(alice)


@pytest.fixture
def as_mallory(mallory: object) -> Client:
    return make_signed_in_client(mallory)


@pytest.fixture
def as_root(root: object, with_second_factor: Callable[..., Client]) -> Client:
    """Root's client, signed in with a second factor."""
    return with_second_factor(make_signed_in_client(root), root)


@pytest.fixture
def as_staff(make_user: Callable[..., object]) -> Client:
    """The client of an operator without a second factor."""
    operator = make_user("colleague")
    operator.is_staff = operator.is_superuser = True
    operator.save()
    return make_signed_in_client(operator)


@pytest.fixture
def with_second_factor() -> Callable[..., Client]:
    """A function that gives a user an authenticator app, and marks their session as just verified by it."""
    from accounts.mfa.step_up import mark_verified
    from accounts.tests.totp import add_authenticator_app

    def mark(client: Client, user: Any) -> Client:
        session = client.session
        mark_verified(SimpleNamespace(session=session), factor_id=add_authenticator_app(user).factor.pk, at=time.time())
        session.save()
        return client

    return mark


def make_signed_in_client(user: Any) -> Client:
    """A client as after a sign-in by password, but without the cost of hashing one."""
    from allauth.account.internal.flows import login

    client = Client()
    client.force_login(user)
    session = client.session
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time()}]
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session.save()
    return client


# --- The browser ------------------------------------------------------------------------------------------

NO_BROWSER = "no Chromium on PATH or in BROWSER_PATH. `apt-get install chromium fonts-liberation` brings one."
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --font-render-hinting=none"
)
LOG_VIOLATIONS = """document.addEventListener("securitypolicyviolation",
    (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"""
OTHER_HOST = re.compile(r"^(?!https?://(localhost|127\.0\.0\.1)[:/]|data:|blob:|about:)")
DESELECTED_COUNT = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-browser", action="store_true", help="leave the tests out that need Chromium")
    parser.addoption("--schedules", type=int, default=2000, help="how many random schedules of syncs to run")
    parser.addoption("--first-schedule", type=int, default=0, help="the seed of the first of them")
    parser.addoption("--schedule-seed", type=int, help="run only the schedule with this seed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect browser tests where they cannot run; ``pytest_sessionfinish`` reports that as a failure."""
    if CHROMIUM and not config.getoption("no_browser"):
        return
    browser_tests = [item for item in items if item.get_closest_marker("browser")]
    items[:] = [item for item in items if not item.get_closest_marker("browser")]
    config.hook.pytest_deselected(items=browser_tests)
    config.stash[DESELECTED_COUNT] = len(browser_tests)
    getattr(config, "workeroutput", {})["deselected_browser_tests"] = len(browser_tests)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the number of deselected tests from a test process."""
    node.config.stash[DESELECTED_COUNT] = getattr(node, "workeroutput", {}).get("deselected_browser_tests", 0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash.get(DESELECTED_COUNT, 0) and not session.config.getoption("no_browser"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    count = config.stash.get(DESELECTED_COUNT, 0)
    if count and config.getoption("no_browser"):
        terminalreporter.write_line(f"{count} browser tests left out, as --no-browser asked.")
    elif count:
        terminalreporter.write_line(f"FAILED: {count} browser tests could not run: {NO_BROWSER}", red=True)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the system's Chromium, because Playwright's own needs a download."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": FLAGS.split()}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Use the same preferences on every machine."""
    return {**browser_context_args, "reduced_motion": "reduce", "locale": "en-US", "timezone_id": "UTC"}


@pytest.fixture
def page(page: Any) -> Iterator[Any]:
    """A browser page. The test fails if it violates the content policy, logs an error or contacts another host."""
    problems: list[str] = []
    page.add_init_script(LOG_VIOLATIONS)
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.route(OTHER_HOST, lambda route: (problems.append(route.request.url), route.abort()))
    yield page
    assert problems == []
