"""Every process of the Procfile that refuses to serve says why in its last words, and ends with an error."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config.tests.processes import wait_until
from config.tests.procfile import SERVING, start_process
from config.tests.programs import environment

pytestmark = pytest.mark.django_db(transaction=True)

LAST_WORDS = 400


def superuser() -> str:
    """The test's database, by the address of the server's superuser."""
    site = urlsplit(environment()["DATABASE_URL"])
    return urlsplit(os.environ["DATABASE_ADMIN_URL"])._replace(path=site.path).geturl()


def startup_error(name: str, **settings: str) -> str:
    """What a process says at last that is expected to end with an error."""
    with start_process(name, **settings) as process:
        wait_until(lambda: process.process.poll() is not None)
        assert process.process.returncode > 0
        return process.read_output()[-LAST_WORDS:]


@pytest.mark.parametrize("name", SERVING)
def test_it_starts_nothing_as_a_superuser(name: str) -> None:
    assert "It is a superuser, so row-level security does not hold it." in startup_error(name, DATABASE_URL=superuser())


@pytest.mark.parametrize("name", SERVING)
def test_it_starts_nothing_with_settings_that_are_refused(name: str) -> None:
    assert "PLAID_ENV has to be production or sandbox" in startup_error(name, PLAID_ENV="pretend")


@pytest.mark.parametrize("name", SERVING)
def test_it_starts_nothing_without_a_database(name: str, tmp_path: Path) -> None:
    said = startup_error(name, DATABASE_URL=f"postgres://app_rw@/site?host={tmp_path}")
    assert "The database of DATABASE_URL does not answer or does not let the site in." in said
