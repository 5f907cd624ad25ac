"""Fixtures of credit's tests: a scripted bureau or the sandbox's, without tokens of earlier tests."""

from collections.abc import Iterator

import pytest

from credit.tests.pull_steps import SharedClock, travel_with_bureau
from credit.tests.sandbox_bureau import CLIENT_ID, SECRET, Bureau, sandbox
from credit.tests.scripted_bureau import ScriptedBureau, scripted_bureau


@pytest.fixture
def bureau(own_cache: None) -> Iterator[ScriptedBureau]:
    """A bureau whose responses the test scripts."""
    with scripted_bureau() as running:
        yield running


@pytest.fixture(scope="module")
def sandbox_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    with sandbox(tmp_path_factory.mktemp("bureau")) as running:
        yield running


@pytest.fixture
def local_bureau(own_cache: None, sandbox_program: Bureau) -> Bureau:
    """The sandbox's bureau, reset."""
    sandbox_program.control("bureau/reset")
    return sandbox_program


@pytest.fixture
def site_bureau(local_bureau: Bureau, settings) -> Bureau:
    """The sandbox's bureau, set as the bureau of the site."""
    settings.EXPERIAN_BASE_URL = local_bureau.url
    settings.EXPERIAN_CLIENT_ID, settings.EXPERIAN_CLIENT_SECRET = CLIENT_ID, SECRET
    return local_bureau


@pytest.fixture
def days(site_bureau: Bureau) -> Iterator[SharedClock]:
    """A clock that moves time for the bureau and the site together."""
    with travel_with_bureau(site_bureau) as clock:
        yield clock
