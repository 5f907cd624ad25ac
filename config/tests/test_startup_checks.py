"""Every process of the Procfile that fails a startup check prints the reason last and exits with an error."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config.tests.processes import wait_until
from config.tests.procfile import SERVING, start_process
from config.tests.programs import build_environment

pytestmark = pytest.mark.django_db(transaction=True)

MAX_CHARACTERS = 400


def get_superuser_url() -> str:
    """The URL of the test's database with the server's superuser."""
    site = urlsplit(build_environment()["DATABASE_URL"])
    return urlsplit(os.environ["DATABASE_ADMIN_URL"])._replace(path=site.path).geturl()


def get_startup_error(name: str, **settings: str) -> str:
    """The end of the output of a process that is expected to exit with an error."""
    with start_process(name, **settings) as process:
        wait_until(lambda: process.process.poll() is not None)
        assert process.process.returncode > 0
        return process.read_output()[-MAX_CHARACTERS:]


@pytest.mark.parametrize("name", SERVING)
def test_it_refuses_to_start_as_a_superuser(name: str) -> None:
    assert "It is a superuser, so row-level security does not hold it." in get_startup_error(
        name, DATABASE_URL=get_superuser_url()
    )


@pytest.mark.parametrize("name", SERVING)
def test_it_refuses_to_start_with_invalid_settings(name: str) -> None:
    assert "PLAID_ENV has to be production or sandbox" in get_startup_error(name, PLAID_ENV="pretend")


@pytest.mark.parametrize("name", SERVING)
def test_it_refuses_to_start_without_a_database(name: str, tmp_path: Path) -> None:
    error = get_startup_error(name, DATABASE_URL=f"postgres://app_rw@/site?host={tmp_path}")
    assert "The database of DATABASE_URL does not answer or does not let the site in." in error
