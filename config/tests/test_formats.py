"""Only ``formats`` formats amounts, counts, shares and dates, so that they follow the language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "banking", "compliance", "config", "credit", "insights", "ui")
# Django's formatting follows settings and gettext, and knows no currency.
OTHER_FORMATTERS = ("django.utils.formats", "django.utils.dates", "django.utils.dateformat", "django.contrib.humanize")
# Values of attributes, such as widths and machine-readable days, are no text.
ATTRIBUTE = re.compile(r'\b(?:width|x|data-start)="[^"]*"')
TEMPLATE_FORMAT = re.compile(r"\|\s*(?:date|time|floatformat|intcomma|naturaltime|naturalday)\b|\}\}%|\$\{\{|\$\d")
SCRIPT_FORMAT = re.compile(r"en-US|toLocale|[\"'`]\$[\"'`]|\$\$\{")
# Thousands, and dates but those in digits, which programs read.
FORMAT_SPEC = re.compile(r",|%(?![YmdHMS])")
# A quotation mark in SQL.
DOLLAR_QUOTE = re.compile(r"\$\w+\$$")


def find_formatting(tree: ast.AST) -> Iterator[int]:
    """Yield the line numbers at which a module formats a number or a date itself."""
    for node in ast.walk(tree):
        is_import = isinstance(node, ast.ImportFrom) and node.module in OTHER_FORMATTERS
        is_call = isinstance(node, ast.Attribute) and node.attr == "strftime"
        is_sign = isinstance(node, ast.Constant) and node.value == "\N{MINUS SIGN}"
        if is_import or is_call or is_sign or (isinstance(node, ast.JoinedStr) and has_formatted_value(node)):
            yield node.lineno


def has_formatted_value(text: ast.JoinedStr) -> bool:
    """Whether an f-string groups thousands, writes a date, or puts a sign of dollars or percent beside a value."""
    for number, part in enumerate(text.values):
        before, after = (
            neighbor.value if isinstance(neighbor, ast.Constant) else ""
            for neighbor in (text.values[number - 1] if number else None, next(iter(text.values[number + 1 :]), None))
        )
        if not isinstance(part, ast.FormattedValue):
            continue
        if part.format_spec and FORMAT_SPEC.search(ast.unparse(part.format_spec)):
            return True
        if after.startswith("%") or (before.endswith("$") and not DOLLAR_QUOTE.search(before)):
            return True
    return False


@pytest.mark.parametrize("app", APPS)
def test_it_is_the_only_formatter_in_python(app: str) -> None:
    paths = [path for path in (PROJECT / app).rglob("*.py") if not {"tests", "migrations"} & set(path.parts)]
    assert [
        f"{path.relative_to(PROJECT)}:{line}" for path in paths for line in find_formatting(ast.parse(path.read_text()))
    ] == []


def test_it_is_the_only_formatter_in_templates() -> None:
    paths = [path for folder in ("templates", "*/jinja2") for path in PROJECT.glob(f"{folder}/**/*.*")]
    assert [
        f"{path.relative_to(PROJECT)} {matches[0]}"
        for path in paths
        if (matches := TEMPLATE_FORMAT.findall(ATTRIBUTE.sub("", path.read_text())))
    ] == []


def test_it_finds_no_fixed_format_in_scripts() -> None:
    paths = sorted((PROJECT / "static" / "js").glob("*.js"))
    assert [path.name for path in paths if SCRIPT_FORMAT.search(path.read_text())] == []


@pytest.mark.parametrize(
    "source",
    [
        'f"{count:,} rows"',
        'f"${amount}"',
        'f"{share}%"',
        'f"{day:%b %d}"',
        'day.strftime("%Y")',
        'MINUS = "\N{MINUS SIGN}"',
        "from django.utils.formats import date_format",
    ],
)
def test_it_finds_other_formatting(source: str) -> None:
    assert list(find_formatting(ast.parse(source))) == [1]


@pytest.mark.parametrize(
    "source", ['f"{width:.1f}"', 'f"{day:%Y-%m-%d}.json"', 'f"AS $body${body}$body$"', 'f"{count} rows, {day}"']
)
def test_it_accepts_formatting_for_programs(source: str) -> None:
    assert list(find_formatting(ast.parse(source))) == []


@pytest.mark.parametrize(
    "source", ['{{ day|date:"M j" }}', "<p>{{ share }}%</p>", "<p>$18</p>", "<p>${{ amount }}</p>"]
)
def test_it_finds_other_formatting_in_a_template(source: str) -> None:
    assert TEMPLATE_FORMAT.search(source)
