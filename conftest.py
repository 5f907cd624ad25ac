"""The cast, the test database and the browser that every room's tests share.

Each test process has a database of its own, migrated by its owner and used through the site's role, as in
production. Transactional tests are cleaned up by the owner, because the site's role may not truncate.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.test import Client

CHROMIUM = os.environ.get("BROWSER_PATH") or shutil.which("chromium") or shutil.which("google-chrome")
pytest_plugins = ["banking.tests.sandbox_process"]

# The tables of others that a test fills; of our own apps, all but the one that may not be emptied.
OTHERS_EMPTIED = {"account", "sessions"}
KEPT = {"compliance"}
PASSWORD = "correct horse battery staple"  # noqa: S105


# --- The database -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: pytest.FixtureRequest, worker_id: str) -> Iterator[None]:
    """Make this process's database: roles, grants and tables as an operator would."""
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
def _emptied_by_the_owner(request: pytest.FixtureRequest) -> Iterator[None]:
    """Truncate what a transactional test left; the audit trail keeps its rows, as it should."""
    yield
    marker = request.node.get_closest_marker("django_db")
    if (marker and marker.kwargs.get("transaction")) or {"transactional_db", "live_server"} & set(request.fixturenames):
        with request.getfixturevalue("django_db_blocker").unblock():
            empty_tables()


def empty_tables() -> None:
    from config.tests.project_apps import own_apps

    emptied = own_apps() - KEPT | OTHERS_EMPTIED
    tables = [m._meta.db_table for m in apps.get_models() if m._meta.managed and m._meta.app_label in emptied]
    with signed_in_as("owner") as owner:
        owner.execute(f"TRUNCATE {', '.join(tables)} CASCADE")


def signed_in_as(alias: str) -> psycopg.Connection:
    """A plain connection in another role, past the fences that Django puts around a test."""
    return psycopg.connect(**connections[alias].get_connection_params() | {"cursor_factory": psycopg.Cursor})


def cut_off_from_database() -> None:
    """End this process's connection as the site, as a restart of PostgreSQL does."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (own,) = cursor.fetchone()
    with signed_in_as("default") as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [own])


@pytest.fixture(autouse=True)
def _heard_by_redis() -> Iterator[None]:
    """Forget a Redis that kept an earlier test waiting: this process would not ask it for another second."""
    yield
    from config.cache import circuit_breaker

    circuit_breaker.close()


@pytest.fixture
def own_cache(settings) -> None:
    """A part of Redis for one test alone: test processes share one, where the same cast is counted."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": uuid4().hex}}


@pytest.fixture
def as_operator(transactional_db: None) -> Callable[..., list[tuple[object, ...]]]:
    """Ask as the role that sees all rows."""

    def ask(question: str, *values: object) -> list[tuple[object, ...]]:
        with signed_in_as("ops") as operator:
            return operator.execute(question, values).fetchall()

    return ask


# --- The cast ---------------------------------------------------------------------------------------------


@pytest.fixture
def make_user(db: None) -> Callable[..., object]:
    from allauth.account.models import EmailAddress

    from accounts.models import User

    def make(name: str, password: str | None = None) -> User:
        user = User.objects.create_user(f"{name}@example.com", password, first_name=name.capitalize())
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user

    return make


@pytest.fixture
def alice(make_user: Callable[..., object]) -> object:
    """Alice owns what the tests look at."""
    return make_user("alice")


@pytest.fixture
def mallory(make_user: Callable[..., object]) -> object:
    """Mallory is signed in and must never see that Alice's things exist."""
    return make_user("mallory")


@pytest.fixture
def root(make_user: Callable[..., object]) -> object:
    """Root is staff and may look at everything that operators may."""
    user = make_user("root")
    user.is_staff = user.is_superuser = True
    user.save()
    return user


@pytest.fixture
def as_alice(alice: object) -> Client:
    return just_signed_in(alice)


@pytest.fixture
def as_mallory(mallory: object) -> Client:
    return just_signed_in(mallory)


@pytest.fixture
def as_root(root: object, with_second_factor: Callable[..., Client]) -> Client:
    """The operators' browser: signed in, with a second factor."""
    return with_second_factor(just_signed_in(root), root)


@pytest.fixture
def as_staff(make_user: Callable[..., object]) -> Client:
    """A colleague of Root's, who has set up no second factor."""
    colleague = make_user("colleague")
    colleague.is_staff = colleague.is_superuser = True
    colleague.save()
    return just_signed_in(colleague)


@pytest.fixture
def with_second_factor() -> Callable[..., Client]:
    """Give a person an authenticator app, and mark their session as one in which its code was just given."""
    from accounts.mfa.step_up import mark_verified
    from accounts.tests.totp import add_authenticator_app

    def mark(client: Client, user: Any) -> Client:
        session = client.session
        mark_verified(SimpleNamespace(session=session), factor_id=add_authenticator_app(user).factor.pk, at=time.time())
        session.save()
        return client

    return mark


def just_signed_in(user: Any) -> Client:
    """A browser in the state in which signing in by password leaves it; no password is hashed for it."""
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
TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation",
    (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"""
OFF_SITE = re.compile(r"^(?!https?://(localhost|127\.0\.0\.1)[:/]|data:|blob:|about:)")
LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-browser", action="store_true", help="leave the tests out that need Chromium")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the browser's tests out where they cannot run; ``pytest_sessionfinish`` makes that a failure."""
    if CHROMIUM and not config.getoption("no_browser"):
        return
    needy = [item for item in items if item.get_closest_marker("browser")]
    items[:] = [item for item in items if not item.get_closest_marker("browser")]
    config.hook.pytest_deselected(items=needy)
    config.stash[LEFT_OUT] = len(needy)
    getattr(config, "workeroutput", {})["left_out"] = len(needy)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Learn from one of several test processes what all of them left out."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash.get(LEFT_OUT, 0) and not session.config.getoption("no_browser"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    count = config.stash.get(LEFT_OUT, 0)
    if count and config.getoption("no_browser"):
        terminalreporter.write_line(f"{count} browser tests left out, as --no-browser asked.")
    elif count:
        terminalreporter.write_line(f"FAILED: {count} browser tests could not run: {NO_BROWSER}", red=True)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium: Playwright's own would have to be downloaded."""
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": FLAGS.split()}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """The same reader on every machine."""
    return {**browser_context_args, "reduced_motion": "reduce", "locale": "en-US", "timezone_id": "UTC"}


@pytest.fixture
def page(page: Any) -> Iterator[Any]:
    """A browser tab; the test fails when a page breaks its policy, logs an error or leaves this machine."""
    problems: list[str] = []
    page.add_init_script(TELL_VIOLATIONS)
    page.on("console", lambda line: line.type == "error" and problems.append(line.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.route(OFF_SITE, lambda route: (problems.append(route.request.url), route.abort()))
    yield page
    assert problems == []
