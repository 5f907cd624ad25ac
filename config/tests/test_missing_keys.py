"""No process of the site starts without a key that wraps users' data keys."""

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
from config.tests.procfile import COMMANDS, SERVING
from config.tests.programs import build_environment
from devservices.data_dir import CHECKOUT

pytestmark = pytest.mark.django_db(transaction=True)

LOST_KEY = "kek-20240101"
TIMEOUT_SECONDS = 60


@pytest.fixture(autouse=True)
def _data_key_under_a_lost_key(alice: User) -> Iterator[None]:
    """Give Alice a data key that is wrapped under a lost key."""
    with tenant(alice.pk):
        DataKey.objects.create(owner=alice.pk, kek=LOST_KEY, wrapped=b"0", active=False)
    yield
    with tenant(alice.pk):
        DataKey.objects.filter(kek=LOST_KEY).delete()


@pytest.mark.parametrize("name", SERVING)
def test_it_refuses_to_start_without_a_key_and_names_it(name: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    completed = subprocess.run(
        ["/bin/sh", "-c", f"exec {COMMANDS[name]}"],
        cwd=CHECKOUT,
        env=build_environment() | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (completed.returncode, f"FIELD_KEYS lacks {LOST_KEY}" in completed.stderr) == (1, True), completed.stderr


def test_it_says_that_the_database_lacks_a_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapping_keys, "KEYS_IN_USE", "SELECT kek FROM of_a_migration_to_come()")
    with pytest.raises(ImproperlyConfigured, match=r"Run `manage\.py migrate --database owner` first\."):
        require_serving_checks()
