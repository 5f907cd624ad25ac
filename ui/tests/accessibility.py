"""Look for what people with a screen reader or a keyboard cannot use, with axe."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def list_violations(page: Page) -> list[tuple[str, list[str]]]:
    """Return the rules that a page violates, each with the elements that do.

    Waits until the page is loaded. After a click, first expect something that only the new page has: until that has
    begun to load, the old one is.
    """
    page.wait_for_load_state("load")
    violations = Axe().run(page).response["violations"]
    return [(violation["id"], [node["html"] for node in violation["nodes"]]) for violation in violations]
