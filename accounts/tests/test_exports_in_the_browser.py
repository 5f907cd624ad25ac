"""An export in a real browser: requested, followed, downloaded, and verified offline."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from accounts.privacy.export import tasks as export_tasks
from accounts.tests.conftest import PASSWORD
from compliance.signing import public_keys
from ui.tests.accessibility import list_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("cheap_hash"),
]

Run = Callable[[], None]


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path: Path) -> None:
    settings.EXPORT_DIR = str(tmp_path / "exports")


@pytest.fixture
def run_queued_job(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs the queued export, as a worker does a moment later."""
    jobs: list[tuple[str, str]] = []
    monkeypatch.setattr(export_tasks.build_export, "apply_async", lambda arguments, queue: jobs.append(arguments))
    return lambda: export_tasks.build_export(*jobs.pop())


@pytest.fixture
def page_without_scripts(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Page]:
    context = browser.new_context(**browser_context_args, java_script_enabled=False)
    yield context.new_page()
    context.close()


def sign_in(page: Page, site: str, user: User) -> None:
    page.goto(site + reverse("account_login"))
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_title("Overview · Plumbline")


def download(page: Page, folder: Path) -> Path:
    page.get_by_role("link", name="Download export").click()
    with page.expect_download() as started:
        page.get_by_role("button", name="Download export").click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def verify_offline(path: Path, folder: Path) -> str:
    folder.mkdir()
    with ZipFile(path) as archive:
        archive.extract("verify_export.py", folder)
    key = next(iter(public_keys().values()))
    command = [sys.executable, "-I", "verify_export.py", str(path), "--key", key]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=True).stdout


def test_it_exports_downloads_and_verifies(
    page: Page, live_server: Any, alice: User, run_queued_job: Run, tmp_path: Path
) -> None:
    sign_in(page, live_server.url, alice)
    page.locator("[data-menu] > summary").click()
    page.get_by_role("link", name="Privacy and data").click()
    expect(page.get_by_role("heading", name="Privacy and data")).to_be_visible()
    assert list_violations(page) == []
    page.get_by_role("link", name="Export your data").click()
    expect(page.get_by_role("link", name="Request export")).to_be_visible()
    assert list_violations(page) == []
    page.get_by_role("link", name="Request export").click()
    expect(page.get_by_role("button", name="Request export")).to_be_visible()
    assert list_violations(page) == []
    page.get_by_role("button", name="Request export").click()
    expect(page.get_by_role("progressbar", name="Export progress")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Your export starts")).to_be_visible()
    assert list_violations(page) == []
    run_queued_job()
    # The page asks by itself.
    expect(page.get_by_role("link", name="Download export")).to_be_visible(timeout=10_000)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    assert list_violations(page) == []
    path = download(page, tmp_path)
    assert "Everything is as the site wrote it." in verify_offline(path, tmp_path / "empty")
    assert list_violations(page) == []


def test_it_works_without_scripts(
    page_without_scripts: Page, live_server: Any, alice: User, run_queued_job: Run, tmp_path: Path
) -> None:
    page = page_without_scripts
    sign_in(page, live_server.url, alice)
    page.goto(live_server.url + reverse("request_export"))
    page.get_by_role("button", name="Request export").click()
    expect(page.get_by_role("progressbar", name="Export progress")).to_be_visible()
    run_queued_job()
    # The page reloads every five seconds.
    expect(page.get_by_role("link", name="Download export")).to_be_visible(timeout=15_000)
    path = download(page, tmp_path)
    assert "Everything is as the site wrote it." in verify_offline(path, tmp_path / "empty")
    page.goto(live_server.url + reverse("exports"))
    page.get_by_role("link", name="Delete export").click()
    page.get_by_role("button", name="Delete export").click()
    expect(page.get_by_text("The export is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Download export")).to_have_count(0)
