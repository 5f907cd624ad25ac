"""The lists of packages are complete, explained, and locked to hashes."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from devservices.data_dir import CHECKOUT

TEST_CODE = {"tests", "conftest.py", "bench"}


def list_packages(*lists: str) -> set[str]:
    """Return the packages that requirements files list."""
    lines = [line for name in lists for line in (CHECKOUT / name).read_text().splitlines()]
    return {match[0].lower().replace("_", "-") for line in lines if (match := re.match(r"[A-Za-z0-9][\w.-]*", line))}


def list_sources() -> list[Path]:
    entries = [path for path in CHECKOUT.iterdir() if not path.name.startswith((".", "staticfiles"))]
    return [path for entry in entries for path in ([entry] if entry.suffix == ".py" else sorted(entry.rglob("*.py")))]


def list_imports(tree: ast.AST) -> set[str]:
    """Return the top-level names that code imports."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.partition(".")[0])
    return modules


def remove_type_checking_blocks(tree: ast.Module) -> ast.Module:
    """Return a module without its ``if TYPE_CHECKING`` blocks."""
    body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    ]
    return ast.Module(body=body, type_ignores=[])


def test_it_lists_every_package_that_the_code_imports() -> None:
    packages = importlib.metadata.packages_distributions()
    production, development = list_packages("requirements.in"), list_packages("requirements.in", "requirements-dev.in")
    missing = set()
    for source in list_sources():
        path, tree = source.relative_to(CHECKOUT), ast.parse(source.read_text())
        is_tests = TEST_CODE & set(path.parts)
        for module in list_imports(tree) & packages.keys() - sys.stdlib_module_names:
            allowed = (
                development if is_tests or module not in list_imports(remove_type_checking_blocks(tree)) else production
            )
            if not allowed & {name.lower().replace("_", "-") for name in packages[module]}:
                missing.add(f"{path} imports {module}")
    assert not missing


@pytest.mark.parametrize(
    "name", ["requirements-uv.txt", "requirements-build.txt", "requirements.txt", "requirements-dev.txt"]
)
def test_it_locks_packages_to_hashes_without_urls(name: str) -> None:
    text = (CHECKOUT / name).read_text()
    pinned = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
    assert pinned
    assert len(re.findall(r"^[a-z0-9][\w.-]*==[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(pinned)
    assert not re.search(r"https?:|file:|--index|--find-links|--trusted", text)


@pytest.mark.parametrize(
    "name", ["requirements-uv.in", "requirements-build.in", "requirements.in", "requirements-dev.in"]
)
def test_it_explains_every_requirement(name: str) -> None:
    lines = (CHECKOUT / name).read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        is_requirement = re.match(r"[A-Za-z]", line)
        shares_the_reason = "sys_platform" in line and (before.startswith("#") or "sys_platform" in before)
        assert not is_requirement or " # " in line or shares_the_reason, line
