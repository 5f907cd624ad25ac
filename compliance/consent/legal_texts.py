"""The published legal texts: ``legal/<document>/<version>.txt``, of which the newest version of each is in force.

A version is the day of its publication, such as ``2026-11-30``, or ``2026-11-30.2`` for a second one on that day. A
published file is never changed: a changed word is a new file, and everyone who agreed to the old one is asked again.

A text is a title, and below it, separated by empty lines, headings (``## ``), lists (lines of ``- ``) and paragraphs.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from compliance.consent.consent_text import ConsentText, Purpose

FOLDER: Final = Path(__file__).resolve().parents[2] / "legal"
SECURITY_OVERVIEW: Final = "security_overview"
"""The one document to which nobody has to agree. The others are named for their purpose."""
HEADING: Final = "## "
BULLET: Final = "- "
PLACEHOLDER: Final = re.compile(r"\{([a-z]+)\}")


class Block(NamedTuple):
    """A paragraph, or the items of a list."""

    is_list: bool
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A heading with its blocks. Without a heading it is what stands before the first one."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class LegalText:
    """One version of a document."""

    document: str
    version: str
    text: str

    @property
    def published_on(self) -> date:
        return date.fromisoformat(self.version.partition(".")[0])

    @property
    def title(self) -> str:
        return self.text.partition("\n")[0]

    @property
    def sections(self) -> tuple[Section, ...]:
        """The text below the title, as pages show it: what is filled in for each user is in brackets."""
        return parse_sections(PLACEHOLDER.sub(r"[\1]", self.text.partition("\n")[2]))


@cache
def read_documents() -> dict[str, tuple[LegalText, ...]]:
    """Read every version of every document, the newest first, once in each process."""
    return {folder.name: _read_versions(folder) for folder in FOLDER.iterdir() if folder.is_dir()}


def list_versions(document: str) -> tuple[LegalText, ...]:
    """Return all versions of a document, the newest first. Empty for an unknown document."""
    # Not by a path: the name may be from a URL.
    return read_documents().get(document, ())


def current_version(document: str) -> LegalText:
    """Return the version in force. Raises ``LookupError`` for an unknown document."""
    return list_versions(document)[0]


def find_version(document: str, version: str) -> LegalText | None:
    """Return one version of a document, or None if it was never published."""
    return next((text for text in list_versions(document) if text.version == version), None)


def current_consent_text(purpose: Purpose, **values: str) -> ConsentText:
    """Return the text in force for a purpose as the ledger stores it. Raises ``KeyError`` for a missing value."""
    published = current_version(purpose)
    text = PLACEHOLDER.sub(lambda match: values[match[1]], published.text)
    return ConsentText(purpose=purpose, version=published.version, text=text)


def parse_sections(text: str) -> tuple[Section, ...]:
    """Parse headings, lists and paragraphs. Text of another structure, as of a signed one, becomes paragraphs."""
    sections: list[tuple[str, list[Block]]] = [("", [])]
    for block in filter(None, (block.strip() for block in text.split("\n\n"))):
        if block.startswith(HEADING):
            sections.append((block.removeprefix(HEADING), []))
        else:
            sections[-1][1].append(_parse_block(block))
    return tuple(Section(heading, tuple(blocks)) for heading, blocks in sections if heading or blocks)


def _read_versions(folder: Path) -> tuple[LegalText, ...]:
    paths = sorted(folder.glob("*.txt"), key=lambda path: _sort_key(path.stem), reverse=True)
    return tuple(LegalText(folder.name, path.stem, path.read_text(encoding="utf-8")) for path in paths)


def _parse_block(block: str) -> Block:
    if not block.startswith(BULLET):
        return Block(is_list=False, texts=(" ".join(block.split()),))
    items = block.removeprefix(BULLET).split(f"\n{BULLET}")
    return Block(is_list=True, texts=tuple(" ".join(item.split()) for item in items))


def _sort_key(version: str) -> tuple[str, int]:
    day, _, number = version.partition(".")
    return day, int(number or 1)
