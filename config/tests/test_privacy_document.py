"""The document about privacy says what the code does: it is generated, and its evidence exists."""

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import replace
from inspect import signature
from io import StringIO
from pathlib import Path

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.template import TemplateDoesNotExist
from django.utils import translation
from django.utils.translation import gettext_lazy, trans_real

from banking.models import Transaction
from compliance.personal_data import registry
from config.management.commands import write_privacy_document
from config.privacy_document import data_map
from config.privacy_document.questionnaire import FURTHER_QUESTIONS, QUESTIONS, Question
from config.privacy_document.rendering import DOCUMENT, MAX_WIDTH, format_markdown, render_document

COMMAND = "write_privacy_document"
ALL_QUESTIONS = (*QUESTIONS, *FURTHER_QUESTIONS)
# Code with a slash and an ending, and everything that names a test. URLs and settings have neither.
NAMED_FILE = re.compile(r"`((?:[\w.-]+/)+[\w-]+\.\w+|[A-Z]+\.md|\.ci/run)(?:::(\w+))?`")

NAMED_COMMAND = re.compile(r"manage\.py (\w+)([^`;\n>]*)")
NAMED_SETTING = re.compile(r"`((?!SEALED_)[A-Z]+_[A-Z_]*[A-Z])(?:=\w+)?`")


@functools.cache
def list_options(command: str) -> frozenset[str]:
    """The options of a management command. Empty if there is no such command."""
    if command not in get_commands():
        return frozenset()
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
    return frozenset(option for action in parser._actions for option in action.option_strings)


@functools.cache
def list_tests(path: str) -> frozenset[str]:
    """The names of the test functions of a module."""
    tree = ast.parse((settings.BASE_DIR / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def find_missing(references: Iterator[tuple[str, str]]) -> list[str]:
    """The files, and the tests in them, that do not exist."""
    return [
        f"{path}::{test}" if test else path
        for path, test in references
        if not (settings.BASE_DIR / path).is_file() or (test and test not in list_tests(path))
    ]


def list_table_cells(document: str) -> list[str]:
    """The cells of all tables' first columns."""
    return [line.split(" | ")[0].removeprefix("| ") for line in document.splitlines() if line.startswith("|")]


# --- The document -----------------------------------------------------------------------------------------


def test_the_document_is_up_to_date() -> None:
    assert (settings.BASE_DIR / DOCUMENT).read_text(encoding="utf-8") == render_document(), "Run `make privacy`."


def test_a_changed_claim_makes_the_document_out_of_date(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = registry._holders[Transaction]
    monkeypatch.setitem(registry._holders, Transaction, replace(holder, withheld={"note": "A secret."}))
    with pytest.raises(CommandError, match="out of date"):
        call_command(COMMAND, check=True)


def test_the_command_writes_the_document_and_then_leaves_it_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "privacy.md"
    monkeypatch.setattr(write_privacy_document, "DOCUMENT", path)
    output = StringIO()
    for _ in range(2):
        call_command(COMMAND, stdout=output)
    assert path.read_text(encoding="utf-8") == render_document()
    assert output.getvalue() == f"{path} is written.\n{path} is up to date.\n"


def test_it_maps_every_model_once() -> None:
    models = [model._meta.label for model in apps.get_models(include_auto_created=True)]
    cells = list_table_cells(render_document())
    counts = {model: sum(cell.endswith(f"`{model}`") for cell in cells) for model in models}
    assert models
    assert {model: count for model, count in counts.items() if count != 1} == {}


def test_it_is_in_english_in_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = registry._holders[Transaction]
    monkeypatch.setitem(registry._holders, Transaction, replace(holder, label=gettext_lazy("January")))
    monkeypatch.setattr(translation, "_trans", trans_real)
    with translation.override("es"):
        assert str(gettext_lazy("January")) == "enero"
        document = render_document()
    assert "January<br>`banking.Transaction`" in document
    assert "enero" not in document


def test_it_names_the_job_that_has_email_addresses() -> None:
    tasks = [current_app.tasks[name] for name in sorted(current_app.tasks) if not name.startswith("celery.")]
    with_address = {task.name.rpartition(".")[2] for task in tasks if "email" in signature(task.run).parameters}
    assert with_address == {"send_security_email"}
    document = " ".join(render_document().split())
    assert "The jobs of security emails also have the IP address and the browser of the request" in document
    assert "and, if the email is about a change of addresses, these addresses" in document


def test_it_needs_a_description_of_each_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "BANK_PROVIDERS", settings.BANK_PROVIDERS | {"toy": "toy.Provider"})
    with pytest.raises(TemplateDoesNotExist, match="toy"):
        render_document()


def test_it_leaves_no_template_of_a_provider_that_nobody_uses() -> None:
    folder = settings.BASE_DIR / "templates" / "privacy_document" / "providers"
    assert {path.stem for path in folder.iterdir()} == {*settings.BANK_PROVIDERS, *settings.CREDIT_BUREAUS}


def test_it_claims_no_certification() -> None:
    claims = re.findall(r"(?i)\b(?:certified|compliant|in compliance with)\b", render_document())
    assert claims == []


# --- The evidence -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", ALL_QUESTIONS, ids=lambda question: question.topic)
def test_every_answer_names_files_and_tests_that_exist(question: Question) -> None:
    tests = [test.partition("::") for test in question.tests]
    assert question.files
    assert find_missing((path, "") for path in question.files) == []
    assert all(path.rpartition("/")[2].startswith("test_") and name for path, _, name in tests)
    assert find_missing((path, name) for path, _, name in tests) == []


def test_an_answer_without_a_test_is_for_the_operator_to_complete() -> None:
    assert [question.topic for question in ALL_QUESTIONS if not question.tests and not question.operator] == []


def test_everything_else_that_the_document_names_exists() -> None:
    references = [match.groups(default="") for match in NAMED_FILE.finditer(render_document())]
    assert len(references) > 50
    assert find_missing((path, test) for path, test in references) == []


def test_it_finds_a_file_and_a_test_that_do_not_exist() -> None:
    path = "config/tests/test_privacy_document.py"
    references = [(path, ""), (path, "test_the_document_is_up_to_date"), (path, "test_gone"), ("docs/gone.md", "")]
    assert find_missing(iter(references)) == [f"{path}::test_gone", "docs/gone.md"]


def test_every_command_that_the_document_names_exists_with_its_options() -> None:
    commands = NAMED_COMMAND.findall(render_document())
    assert {name for name, _ in commands} > {"audit_verify", "deactivate_user", "rotate_keys"}
    assert [
        f"{name} {option}"
        for name, options in commands
        for option in ["--help", *re.findall(r"--[\w-]+", options)]
        if option not in list_options(name)
    ] == []


def test_every_setting_that_the_document_names_is_in_the_example() -> None:
    example = (settings.BASE_DIR / ".env.example").read_text()
    names = set(NAMED_SETTING.findall(render_document()))
    assert names > {"FIELD_KEYS", "PLAID_ENV", "SECRET_KEY_FALLBACKS"}
    assert {name for name in names if not re.search(rf"^# {name}=", example, re.MULTILINE)} == set()


# --- The form ---------------------------------------------------------------------------------------------


def test_only_tables_and_code_have_long_lines() -> None:
    lines = render_document().splitlines()
    assert [line for line in lines if len(line) > MAX_WIDTH and not line.startswith(("|", "    "))] == []


def test_it_fills_paragraphs_and_lists_and_keeps_tables_and_code() -> None:
    long, row = "word " * 40, "| " + "cell " * 40 + "|"
    text = f"# Title\n\n\n\nfirst\nsecond\n1. {long}\n   - {long}\n     more\n\n       code\n       code\n{row}\n{row}"
    assert format_markdown(text).splitlines() == [
        "# Title",
        "",
        "first second",
        "1. " + ("word " * 23).strip(),
        "   " + ("word " * 17).strip(),
        "   - " + ("word " * 23).strip(),
        "     " + ("word " * 17).strip() + " more",
        "",
        "       code",
        "       code",
        row,
        row,
    ]


def test_it_breaks_no_line_within_code() -> None:
    command = "`manage.py rotate_keys --reseal`"
    assert format_markdown(f"{'word ' * 20}{command} {'word ' * 20}{command}").count(command) == 2


def test_it_summarizes_by_the_first_sentence_of_a_docstring() -> None:
    def erase() -> None:
        """Delete ``rows``. Returns how many."""

    assert data_map.summarize(erase) == "Delete `rows`."
    with pytest.raises(ValueError, match="no docstring"):
        data_map.summarize(lambda: None)
