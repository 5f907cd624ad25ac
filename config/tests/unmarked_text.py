"""Find text in templates that is not marked for translation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final, NamedTuple

from django.conf import settings
from django.template.base import Lexer, Token, TokenType

# The folders of pages of administrators, which stay in English.
ENGLISH_ONLY: Final = "operators"
# Attributes that browsers show or read aloud.
READ_ATTRIBUTES: Final = frozenset(
    ("title", "alt", "placeholder", "aria-label", "aria-description", "label", "summary", "content-text", "data-label")
)
# Tags whose arguments are names, and not sentences. Those of nav_link are views; rendered pages show its labels.
TAGS_WITHOUT_TEXT: Final = frozenset(
    (
        *("autoescape", "block", "csrf_token", "elif", "else", "empty", "extends", "for", "icon", "if", "include"),
        *(
            "load",
            "nav_link",
            "partial",
            "partialdef",
            "slot",
            "spaceless",
            "static",
            "trans",
            "translate",
            "url",
            "with",
        ),
    )
)
UNREAD_ELEMENTS: Final = frozenset(("script", "style", "svg"))
ARGUMENT: Final = re.compile(
    r'(?<!_\()(?<![=\w|:])"([^"]*[A-Za-z][^"]*)"|(?:title|note|label|text|name|caption|words|summary)="([^"]*)"'
)
QUOTED: Final = re.compile(r'"([^"]*)"')
# Proper names, which are the same in every language.
PROPER_NAMES: Final = frozenset(("Experian", "FICO", "Firefox", "Plaid", "Plumbline", "VantageScore"))
# Two letters in a row; in arguments of tags, what cannot be a name in code.
WORD: Final = re.compile(r"[A-Za-z]{2,}")
SENTENCE: Final = re.compile(r"[A-Z][a-z]|[a-z] [a-z]")
# Stands for a tag or a variable of the template, also inside of an HTML tag.
GAP: Final = " \ufffc "


class Unmarked(NamedTuple):
    """Text of a template that is not marked for translation; ``line`` is 0 if it is not known."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text[:160]}"


def find_templates() -> list[Path]:
    """Return the project's templates and macros, relative to its root."""
    root = settings.BASE_DIR
    folders = [root / "templates", *sorted(root.glob("*/jinja2"))]
    files = [path for folder in folders for pattern in ("*.html", "*.txt") for path in sorted(folder.rglob(pattern))]
    paths = [path.relative_to(root) for path in files]
    return [path for path in paths if path.parent.name != ENGLISH_ONLY]


def is_read_attribute(tag: str, name: str, attributes: dict[str, str | None]) -> bool:
    """Whether users read an attribute of an element: a label, a hint, or the text of a button."""
    if name == "value":
        return tag == "input" and attributes.get("type") in {"submit", "button"}
    return name in READ_ATTRIBUTES or name.startswith("data-text")


def find_unmarked(path: Path, source: str) -> Iterator[Unmarked]:
    """Yield a template's text outside of ``translate``, ``blocktranslate``, ``trans`` and ``_("...")``."""
    pieces: list[str] = []
    skipped_block = ""
    for token in Lexer(source).tokenize():
        name = token.contents.split()[0] if token.token_type is TokenType.BLOCK else ""
        if skipped_block:
            skipped_block = "" if name == f"end{skipped_block}" else skipped_block
        elif name and _opens_skipped_block(name, token.contents):
            skipped_block = name
        elif token.token_type is TokenType.TEXT:
            pieces.append(token.contents)
        elif token.token_type in (TokenType.BLOCK, TokenType.VAR):
            pieces.append(GAP)
            yield from (Unmarked(path, token.lineno or 0, text) for text in _find_in_arguments(token, name))
    yield from _find_in_text(path, "".join(pieces))


def _opens_skipped_block(name: str, contents: str) -> bool:
    """Whether a tag opens a marked sentence, a comment, or a block that holds a CSS class.

    ``trans`` opens a sentence in Jinja2; Django's tag of that name is followed by a quoted one.
    """
    if name in ("blocktranslate", "blocktrans", "comment"):
        return True
    if name == "trans":
        return not re.match(r"""trans\s+["'_]""", contents)
    return name == "block" and contents.endswith("_class")


def _find_in_arguments(token: Token, name: str) -> Iterator[str]:
    """Yield the unmarked sentences in the arguments of a tag or in a variable."""
    if token.token_type is TokenType.VAR:
        if "_(" not in token.contents and "gettext(" not in token.contents:
            yield from (text for text in QUOTED.findall(token.contents) if SENTENCE.search(text))
    elif not name.startswith("end") and name not in TAGS_WITHOUT_TEXT:
        for match in ARGUMENT.finditer(token.contents):
            if SENTENCE.search(text := match.group(1) or match.group(2) or ""):
                yield text


def _find_in_text(path: Path, text: str) -> Iterator[Unmarked]:
    if path.suffix == ".txt":
        for number, line in enumerate(text.splitlines(), start=1):
            if find_words(line):
                yield Unmarked(path, number, _show(line))
    else:
        parser = _MarkupReader()
        parser.feed(text)
        parser.close()
        yield from (Unmarked(path, line, _show(words)) for line, words in parser.texts if find_words(words))


def find_words(text: str) -> list[str]:
    """Return the words in ASCII letters, without proper names."""
    return [word for word in WORD.findall(text) if word not in PROPER_NAMES]


def _show(text: str) -> str:
    return " ".join(text.replace(GAP.strip(), "…").split())


class _MarkupReader(HTMLParser):
    """Collects the text that users read in markup, with its line."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[tuple[int, str]] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        attributes = dict(attrs)
        for name, value in attrs:
            if value and is_read_attribute(tag, name, attributes):
                self.texts.append((self.getpos()[0], value))

    def handle_data(self, data: str) -> None:
        if not UNREAD_ELEMENTS & set(self._open[-1:]):
            self.texts.append((self.getpos()[0], data))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
