"""The lists of packages are complete, explained, and locked to hashes."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from devservices.data_dir import CHECKOUT

TEST_CODE = {"tests", "conftest.py", "bench"}


def named_in(*lists: str) -> set[str]:
    """Return the packages that requirements files ask for."""
    lines = [line for name in lists for line in (CHECKOUT / name).read_text().splitlines()]
    return {found[0].lower().replace("_", "-") for line in lines if (found := re.match(r"[A-Za-z0-9][\w.-]*", line))}


def sources() -> list[Path]:
    tops = [path for path in CHECKOUT.iterdir() if not path.name.startswith((".", "staticfiles"))]
    return [path for top in tops for path in ([top] if top.suffix == ".py" else sorted(top.rglob("*.py")))]


def imports_of(tree: ast.AST) -> set[str]:
    """Return the top-level names that code imports."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.partition(".")[0])
    return modules


def without_types(tree: ast.Module) -> ast.Module:
    """Return a module without what only a type checker reads."""
    body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    ]
    return ast.Module(body=body, type_ignores=[])


def test_they_name_every_package_that_the_code_imports() -> None:
    packages = importlib.metadata.packages_distributions()
    run, everything = named_in("requirements.in"), named_in("requirements.in", "requirements-dev.in")
    unnamed = set()
    for source in sources():
        place, tree = source.relative_to(CHECKOUT), ast.parse(source.read_text())
        is_tests = TEST_CODE & set(place.parts)
        for module in imports_of(tree) & packages.keys() - sys.stdlib_module_names:
            known = everything if is_tests or module not in imports_of(without_types(tree)) else run
            if not known & {name.lower().replace("_", "-") for name in packages[module]}:
                unnamed.add(f"{place} imports {module}")
    assert not unnamed


@pytest.mark.parametrize(
    "name", ["requirements-uv.txt", "requirements-build.txt", "requirements.txt", "requirements-dev.txt"]
)
def test_the_lock_holds_hashes_and_no_address(name: str) -> None:
    text = (CHECKOUT / name).read_text()
    pinned = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
    assert pinned
    assert len(re.findall(r"^[a-z0-9][\w.-]*==[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pinned)
    assert not re.search(r"https?:|file:|--index|--find-links|--trusted", text)


@pytest.mark.parametrize(
    "name", ["requirements-uv.in", "requirements-build.in", "requirements.in", "requirements-dev.in"]
)
def test_every_requirement_says_why(name: str) -> None:
    lines = (CHECKOUT / name).read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        is_requirement = re.match(r"[A-Za-z]", line)
        shares_the_reason = "sys_platform" in line and (before.startswith("#") or "sys_platform" in before)
        assert not is_requirement or " # " in line or shares_the_reason, line
