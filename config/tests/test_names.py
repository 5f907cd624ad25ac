"""The names in the whole project are words that a new Django or fintech engineer would search for.

docs/style.md has the rules in prose.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SITE = ("accounts", "banking", "bench", "compliance", "config", "credit", "devservices", "formats", "insights", "ui")
APPS = (*SITE, "sandbox")

# Words for which the field has an established word.
FORBIDDEN_MODULES = frozenset(
    """
    addresses aftermath agents answers asking browsers causes changing claims deed due embedded envelope filed feed
    glass grid health helpers home hurry judging kinds leash ledger listing made_up notices originals page people phone
    postman problems quiet reading recheck recognition recount refusals rights rosters sheet shapes situations spool
    standing stories telling throwaway told trail use utils common wire words world
    """.split()  # noqa: SIM905
)
FORBIDDEN_NAMES = frozenset(
    """
    adopt aftermath Aftermath alarming at_stake at_work audit_leaks carried_over catch_up Chosen claim_again
    clock_stop cursor_apart cursor_of deed Doorbell drawn enrol Flaw flowing forgive GLASS_BROKEN GRAVE
    greet_browser harmless house heed is_left_behind is_wanted item_named judged kept Kept KeptChange LAST_WORD
    LEAVE Leave leave_of Letter Listing living LIVING lives_for Look looks Lost LOST_AFTER Misconfigured
    MOST_WRONG movements nothing noted Oddities Oddity oddity of_category outlived owed PATIENCE person_of
    PersonRequest Place places PlausibleRequestMiddleware postpone PresenceMiddleware queue_notice refusal
    refusals Rhythm ring roof Roster roster Said said SecretFact several shell ShortMemory ShowOperators shut
    Signed SILENT Situation skeleton spent_on stop_clock strokes STRANGERS suffer SURENESS take_over tell
    tell_others tell_person TokenKeeper TOLD told Told town Untrusted viewing Visit wake wish wishes WITHDRAW
    """.split()  # noqa: SIM905
)
# Words that say too little as the whole name of a function that others import.
VAGUE_FUNCTIONS = frozenset(
    """
    answer answers asks choices durable each facts fit of once page place problems read run sentence settle
    settled switch touch turn want whole words world
    """.split()  # noqa: SIM905
)
FORBIDDEN_VARIABLES = frozenset({"asked", "each", "found", "one", "said", "told", "word", "words"})
PARTICIPLES = frozenset(
    """
    begun bought bound broken brought built caught chosen done drawn driven fallen felt flown forgotten frozen given
    gone grown heard held hidden kept known laid led left lent lost made meant owed paid proven risen said seen sent
    shown sold spent spoken stolen struck stuck sunk taken thought thrown told torn understood woken won worn written
    """.split()  # noqa: SIM905
)
# Verbs and nouns that end as participles do.
NOT_PARTICIPLES = frozenset({"embed", "feed", "need", "proceed", "seed", "shred", "speed"})
# Class names that Django, Celery or PEP 249 require, and that several modules may define.
GIVEN_CLASSES = frozenset({"Command", "Config", "DatabaseWrapper", "Migration"})
# The plain dashboard that the bench compares with is another program, and has the same models.
OTHER_PROGRAMS = ("bench/plain/",)
MAX_MODULES = 15
# The import that Celery's documentation recommends in the project's ``__init__``.
CELERY_IDIOM = ("app", "celery_app")
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "for",
        "to",
        "in",
        "on",
        "at",
        "is",
        "are",
        "be",
        "it",
        "its",
        "this",
        "that",
        "and",
        "or",
        "with",
        "by",
        "as",
        "from",
        "return",
        "returns",
    ]
)


def check(places: list[str]) -> None:
    assert places == [], "\n".join(places)


def read_sources(*apps: str, tests: bool = True) -> Iterator[tuple[str, ast.Module]]:
    for app in apps:
        for path in sorted((PROJECT / app).rglob("*.py")):
            name = path.relative_to(PROJECT).as_posix()
            if "/migrations/" in name or (not tests and "/tests/" in name):
                continue
            yield name, ast.parse(path.read_text())


def find_functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def list_definitions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the name and line of the functions, classes and constants of a module and of its classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
    for owner in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]:
        for node in owner.body:
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            yield from ((target.id, node.lineno) for target in targets if isinstance(target, ast.Name))


def is_participle(name: str) -> bool:
    word = name.strip("_").lower()
    return "_" not in word and (word in PARTICIPLES or (word.endswith("ed") and word not in NOT_PARTICIPLES))


def repeats_its_name(name: str, docstring: str) -> bool:
    def stems(text: str) -> set[str]:
        return {word[:5].rstrip("s") for word in re.findall(r"[a-z]+", text.lower()) if word not in STOP_WORDS}

    line, _, rest = docstring.strip().partition("\n")
    return not rest.strip() and stems(line) <= stems(name.replace("_", " "))


@pytest.mark.parametrize("app", APPS)
def test_it_has_no_module_with_a_private_name(app):
    modules = [path.relative_to(PROJECT).as_posix() for path in (PROJECT / app).rglob("*.py")]
    check([name for name in modules if Path(name).stem in FORBIDDEN_MODULES])


@pytest.mark.parametrize("app", APPS)
def test_it_has_no_definition_with_a_private_name(app):
    places = [
        f"{name}:{line} {defined}"
        for name, tree in read_sources(app)
        for defined, line in list_definitions(tree)
        if defined in FORBIDDEN_NAMES
    ]
    check(places)


@pytest.mark.parametrize("app", APPS)
def test_it_says_what_a_public_function_does(app):
    places = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in read_sources(app)
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name in VAGUE_FUNCTIONS
    ]
    check(places)


@pytest.mark.parametrize("app", APPS)
def test_it_names_no_function_by_a_bare_participle(app):
    places = [
        f"{name}:{function.lineno} {function.name}"
        for name, tree in read_sources(app)
        for function in find_functions(tree)
        if is_participle(function.name)
    ]
    check(places)


@pytest.mark.parametrize("app", APPS)
def test_it_names_variables_for_what_they_hold(app):
    places = [
        f"{name}:{node.lineno} {label}"
        for name, tree in read_sources(app, tests=False)
        for node in ast.walk(tree)
        if (
            label := node.id
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            else getattr(node, "arg", None)
        )
        and isinstance(node, ast.Name | ast.arg)
        and label in FORBIDDEN_VARIABLES
    ]
    check(places)


@pytest.mark.parametrize("program", [SITE, ("sandbox",)], ids=["site", "sandbox"])
def test_it_gives_one_meaning_to_a_class_name(program):
    homes = defaultdict(list)
    for name, tree in read_sources(*program, tests=False):
        if not name.startswith(OTHER_PROGRAMS):
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and node.name not in GIVEN_CLASSES:
                    homes[node.name].append(name)
    check(
        [f"{name}: {modules}" for name, modules in homes.items() if len(modules) > 1],
    )


@pytest.mark.parametrize("app", APPS)
def test_it_hides_no_clash_behind_another_name(app):
    places = [
        f"{name}:{node.lineno} {alias.name} as {alias.asname}"
        for name, tree in read_sources(app, tests=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in APPS
        for alias in node.names
        if alias.asname and alias.asname != alias.name and (alias.name, alias.asname) != CELERY_IDIOM
    ]
    check(places)


@pytest.mark.parametrize("app", APPS)
def test_it_writes_no_docstring_that_only_repeats_the_name(app):
    places = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in read_sources(app)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and (docstring := ast.get_docstring(node))
        and repeats_its_name(node.name, docstring)
    ]
    check(places)


@pytest.mark.parametrize("app", APPS)
def test_it_keeps_every_folder_small(app):
    folders = defaultdict(list)
    for path in (PROJECT / app).rglob("*.py"):
        folder = path.parent.relative_to(PROJECT).as_posix()
        if path.stem != "__init__" and not {"tests", "migrations"} & set(path.relative_to(PROJECT).parts):
            folders[folder].append(path.stem)
    check([folder for folder, modules in folders.items() if len(modules) > MAX_MODULES])
