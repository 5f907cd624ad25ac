"""A site without a key that people's data keys are wrapped under does not start, whichever of its processes it is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts.models import User
from compliance.isolation import tenant
from compliance.models import DataKey
from compliance.startup import require_serving_checks
from compliance.vault import wrapping_keys
from config.tests.procfile import LINES, SERVING
from config.tests.programs import environment
from devservices.data_dir import CHECKOUT

pytestmark = pytest.mark.django_db(transaction=True)

GONE = "kek-20240101"
TIMEOUT_SECONDS = 60


@pytest.fixture(autouse=True)
def _under_a_lost_key(alice: User) -> Iterator[None]:
    """A data key of Alice's that was wrapped under a key which nobody kept."""
    with tenant(alice.pk):
        DataKey.objects.create(owner=alice.pk, kek=GONE, wrapped=b"0", active=False)
    yield
    with tenant(alice.pk):
        DataKey.objects.filter(kek=GONE).delete()


@pytest.mark.parametrize("name", SERVING)
def test_it_ends_a_process_that_lacks_a_key_and_says_which(name: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["/bin/sh", "-c", f"exec {LINES[name]}"],
        cwd=CHECKOUT,
        env=environment() | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (ended.returncode, f"FIELD_KEYS lacks {GONE}" in ended.stderr) == (1, True), ended.stderr


def test_it_says_that_a_database_lacks_what_this_version_asks_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapping_keys, "KEYS_IN_USE", "SELECT kek FROM of_a_migration_to_come()")
    with pytest.raises(ImproperlyConfigured, match=r"Run `manage\.py migrate --database owner` first\."):
        require_serving_checks()
