"""Renders the document from the registry, the settings and the templates."""

import re
import textwrap
from pathlib import Path
from typing import Final

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from config.privacy_document import data_map, questionnaire

DOCUMENT: Final = Path("docs", "privacy.md")
MAX_WIDTH: Final = 120
LIST_MARK: Final = re.compile(r"\s*(?:- |\d+\. )")
CODE: Final = re.compile(r" {4}")
CODE_SPAN: Final = re.compile(r"`[^`]+`")
NO_BREAK: Final = "\0"
# Headings and rows of tables, which end with their line.
ONE_LINE: Final = re.compile(r"[#|]")


def render_document() -> str:
    """Return the document as Markdown, in English whatever the language of the process is."""
    with translation.override(None):
        text = render_to_string(
            "privacy_document/document.md",
            {
                "sections": data_map.list_sections(),
                "non_personal": data_map.list_non_personal_rows(),
                "stopped_processes": data_map.list_stopped_processes(),
                "retention_rules": data_map.list_retention_rules(),
                "fixed_periods": data_map.list_fixed_periods(),
                "provider_templates": list_provider_templates(),
                "questions": questionnaire.QUESTIONS,
                "further_questions": questionnaire.FURTHER_QUESTIONS,
            },
        )
    return format_markdown(text)


def list_provider_templates() -> list[str]:
    """List a template for each bank provider and bureau of the settings: what it gets, when and why."""
    keys = [*settings.BANK_PROVIDERS, *settings.CREDIT_BUREAUS]
    return [f"privacy_document/providers/{key}.md" for key in keys]


def format_markdown(text: str) -> str:
    """Fill paragraphs and list items up to ``MAX_WIDTH``, and leave one empty line between blocks."""
    blocks: list[str] = []
    paragraph: list[str] = []
    for line in [*text.splitlines(), ""]:
        is_code = not paragraph and CODE.match(line) and not LIST_MARK.match(line)
        if paragraph and (not line.strip() or LIST_MARK.match(line) or ONE_LINE.match(line)):
            blocks.append(_fill(paragraph))
            paragraph = []
        if not line.strip() or is_code or ONE_LINE.match(line):
            blocks.append(line.rstrip())
        else:
            paragraph.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(blocks)).strip() + "\n"


def _fill(lines: list[str]) -> str:
    """Join the lines of a paragraph or a list item. Later lines begin below the text of the first.

    Code is not broken, so that readers can search for a command and copy it.
    """
    first, *later = lines
    mark = LIST_MARK.match(first)
    indent = len(mark[0]) if mark else len(first) - len(first.lstrip())
    text = " ".join([first.rstrip(), *(line.strip() for line in later)])
    text = CODE_SPAN.sub(lambda code: code[0].replace(" ", NO_BREAK), text)
    filled = textwrap.fill(
        text, MAX_WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return filled.replace(NO_BREAK, " ")
