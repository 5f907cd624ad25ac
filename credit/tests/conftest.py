"""What credit's tests start from: a scripted bureau, or the sandbox's, and no token from an earlier test."""

from collections.abc import Iterator

import pytest

from credit.tests.pull_steps import SharedClock, travel_with_bureau
from credit.tests.sandbox_bureau import CLIENT_ID, SECRET, Bureau, sandbox
from credit.tests.scripted_bureau import ScriptedBureau, scripted_bureau


@pytest.fixture
def bureau(own_cache: None) -> Iterator[ScriptedBureau]:
    """A bureau that answers what the test lays out."""
    with scripted_bureau() as running:
        yield running


@pytest.fixture(scope="module")
def sandbox_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    with sandbox(tmp_path_factory.mktemp("bureau")) as running:
        yield running


@pytest.fixture
def local_bureau(own_cache: None, sandbox_program: Bureau) -> Bureau:
    """The sandbox's bureau, which has forgotten every earlier call."""
    sandbox_program.control("bureau/reset")
    return sandbox_program


@pytest.fixture
def site_bureau(local_bureau: Bureau, settings) -> Bureau:
    """The sandbox's bureau as the one that the site asks."""
    settings.EXPERIAN_BASE_URL = local_bureau.url
    settings.EXPERIAN_CLIENT_ID, settings.EXPERIAN_CLIENT_SECRET = CLIENT_ID, SECRET
    return local_bureau


@pytest.fixture
def days(site_bureau: Bureau) -> Iterator[SharedClock]:
    """A clock to move, for the bureau and the site alike."""
    with travel_with_bureau(site_bureau) as kept:
        yield kept
