"""Rules for all templates, style sheets and scripts: the content security policy, sizes and wording."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import brotli
import pytest
from django.conf import settings
from django.template import engines
from django.template.loader import get_template
from jinja2 import StrictUndefined

TEMPLATES = settings.BASE_DIR / "templates"
STATIC = settings.BASE_DIR / "static"
MACROS = sorted(settings.BASE_DIR.glob("*/jinja2/*/*.html"))
PAGES = [*sorted(TEMPLATES.rglob("*.html")), *MACROS]
MAILS = sorted(TEMPLATES.rglob("*.txt"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
STYLES = sorted((STATIC / "css").glob("*.css"))
MAX_LINES = 59
KIB = 1024


def find_pattern(pattern: str, files: Iterable[Path], flags: re.RegexFlag = re.NOFLAG) -> list[str]:
    """The files that contain the pattern, each with its first match."""
    matches = ((path, re.search(pattern, path.read_text(), flags)) for path in files)
    return [f"{path.relative_to(settings.BASE_DIR)}: {match.group()}" for path, match in matches if match]


def get_template_name(path: Path) -> str:
    """Return the name by which code loads a template."""
    return str(Path(*path.parts[-2:]) if path in MACROS else path.relative_to(TEMPLATES))


@pytest.mark.parametrize("path", [*PAGES, *MAILS], ids=get_template_name)
def test_it_compiles(path):
    get_template(get_template_name(path))


def test_it_escapes_in_every_macro():
    environment = engines["jinja2"].env

    assert MACROS
    assert environment.autoescape is True
    assert environment.undefined is StrictUndefined


# --- The page policy --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forbidden",
    [
        r"<[a-z][^>]*\s(style|on[a-z]+|hx-on[\w:-]*)\s*=",
        r"<style",
        r"javascript:",
        r"hx-(vals|headers)=.js:",
        r'hx-trigger="[^"]*\[',
        r'(src|href|action)="(https?:)?//',
        r"autoescape off",
    ],
)
def test_it_writes_no_markup_that_the_policy_forbids(forbidden):
    assert find_pattern(forbidden, PAGES) == []


def test_it_gives_every_script_a_src_and_the_nonce():
    scripts = [script for page in PAGES for script in re.findall(r"<script[^>]*>", page.read_text())]

    assert scripts
    assert [s for s in scripts if " src=" not in s or 'nonce="{{ csp_nonce }}"' not in s] == []


def test_it_skips_escaping_only_for_the_help_texts_of_forms():
    # Help texts are our own, and some have links.
    assert find_pattern(r"\|safe\b", PAGES) == ["templates/django/forms/field.html: |safe"]


def test_it_configures_htmx_for_the_policy_and_without_web_storage():
    source = (TEMPLATES / "ui" / "htmx.html").read_text()

    assert json.loads(re.search(r"content='(\{.*?\})'", source, re.DOTALL).group(1)) == {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "allowScriptTags": False,
        "selfRequestsOnly": True,
        "historyCacheSize": 0,
        "refreshOnHistoryMiss": True,
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "[23]..|422", "swap": True},
            {"code": "...", "swap": False, "error": True},
        ],
    }


def test_it_uses_no_storage_evaluation_or_styling_in_scripts():
    assert (
        find_pattern(r"localStorage|sessionStorage|indexedDB|document\.cookie|innerHTML|eval\(|\.style\b", SCRIPTS)
        == []
    )


def test_it_wraps_each_pair_of_a_list_of_facts():
    """The style sheet gives each pair a row of its own by the element around it."""
    assert find_pattern(r'<dl class="facts[^>]*>\s*<dt', PAGES) == []


# --- Sizes ------------------------------------------------------------------------------------------------


def test_it_keeps_every_template_short():
    assert {page.name: count for page in PAGES if (count := len(page.read_text().splitlines())) > MAX_LINES} == {}


@pytest.mark.parametrize(("files", "budget"), [(SCRIPTS, 6), (STYLES, 10)], ids=["scripts", "styles"])
def test_it_keeps_scripts_and_styles_within_their_budgets(files, budget):
    assert sum(len(brotli.compress(path.read_bytes())) for path in files) <= budget * KIB


# --- Wording ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "promise",
    [r"\b(improve|boost|repair|fix|raise|increase)\w*\s+(your\s+)?(credit|score)", r"helps?\s+your\s+(credit|score)"],
)
def test_it_promises_no_better_credit(promise):
    # Such promises make a site a credit repair organization: 15 U.S.C. 1679 ff.
    assert find_pattern(promise, [*PAGES, *MAILS], re.IGNORECASE) == []


@pytest.mark.parametrize("status", ["400", "500", "503"])
def test_it_renders_error_pages_without_the_database(status):
    assert "01JD3Z0R9B" in get_template(f"{status}.html").render({"request_id": "01JD3Z0R9B"})


# --- Formatting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "files", [["--lint", TEMPLATES], ["--profile", "jinja", "--lint", *MACROS]], ids=["pages", "macros"]
)
def test_it_passes_the_template_linter(files):
    command = [sys.executable, "-m", "djlint", "--quiet", *map(str, files)]
    lint = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)

    assert lint.returncode == 0, lint.stdout
