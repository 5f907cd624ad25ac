"""What credit's tests start from: a scripted bureau, or the sandbox's, and no token from an earlier test."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from credit.tests.sandbox_bureau import Bureau, sandbox
from credit.tests.scripted_bureau import ScriptedBureau, scripted_bureau


@pytest.fixture
def bureau() -> Iterator[ScriptedBureau]:
    """A bureau that answers what the test lays out."""
    cache.clear()
    with scripted_bureau() as running:
        yield running


@pytest.fixture(scope="module")
def sandbox_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    with sandbox(tmp_path_factory.mktemp("bureau")) as running:
        yield running


@pytest.fixture
def local_bureau(sandbox_program: Bureau) -> Bureau:
    """The sandbox's bureau, which has forgotten every earlier call."""
    sandbox_program.control("bureau/reset")
    cache.clear()
    return sandbox_program
