"""A user deletes an export: the row, the key and the file together, or none of them."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.privacy.export import tasks, views
from compliance.export import building, lifecycle, storage
from compliance.export.data_export import DataExport, ExportState
from compliance.isolation import tenant
from conftest import make_signed_in_client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ready(alice: User, settings, tmp_path: Path) -> DataExport:
    settings.EXPORT_DIR = str(tmp_path)
    export = lifecycle.request_export(owner_id=alice.pk)
    assert building.build_export(owner_id=alice.pk, export_id=export.pk)
    return export


@pytest.fixture
def as_alice(alice: User) -> Client:
    return make_signed_in_client(alice)


def fail(*_: object, **__: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_it_keeps_the_file_when_the_request_is_rolled_back(
    alice: User, as_alice: Client, ready: DataExport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request is one transaction, which can fail after the row was deleted."""
    as_alice.raise_request_exception = False
    monkeypatch.setattr(views.messages, "success", fail)
    assert as_alice.post(reverse("delete_export", args=[ready.pk])).status_code == 500
    with tenant(alice.pk):
        assert DataExport.objects.get().state == ExportState.READY
    assert storage.export_path(ready.pk).exists()


def test_it_leaves_a_file_that_cannot_be_deleted_to_the_purge(
    alice: User, as_alice: Client, ready: DataExport, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = storage.export_path(ready.pk)
    with monkeypatch.context() as patches:
        patches.setattr(Path, "unlink", fail)
        page = as_alice.post(reverse("delete_export", args=[ready.pk]), follow=True).content.decode()
    assert "The export is deleted." in page
    assert str(ready.pk) not in page
    assert path.exists()
    assert f"{path.name} cannot be deleted" in caplog.text
    with tenant(alice.pk):
        assert not DataExport.objects.exists()
    tasks.purge_old_exports()
    assert not path.exists()
