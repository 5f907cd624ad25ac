"""Read message catalogs (``.po`` files) and find translations whose placeholders differ from the original's.

Source: https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LINE = re.compile(r'(?P<keyword>msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)?\s*(?P<text>".*")$')
# ``%(bank)s`` of Python and templates, and ``{link}`` of ``format_html``.
PLACEHOLDER = re.compile(r"%\(\w+\)[a-zA-Z]|\{\w+\}")


@dataclass
class Message:
    """One entry of a catalog. ``translations`` has one form, or one for each plural form of the language."""

    line: int
    is_fuzzy: bool = False
    msgid: str = ""
    plural: str = ""
    context: str = ""
    translations: dict[int, str] = field(default_factory=dict)

    def append(self, keyword: str, text: str) -> None:
        """Add a quoted line to the part of the entry that the keyword names."""
        if keyword.startswith("msgstr"):
            form = int(keyword[7:-1] or 0) if "[" in keyword else 0
            self.translations[form] = self.translations.get(form, "") + text
        else:
            name = {"msgid": "msgid", "msgid_plural": "plural", "msgctxt": "context"}[keyword]
            setattr(self, name, getattr(self, name) + text)


def read_catalog(path: Path) -> Iterator[Message]:
    """Yield the entries of a ``.po`` file, without its header and obsolete entries.

    Raises ``ValueError`` for a line that is neither a comment nor part of an entry.
    """
    message, keyword, is_fuzzy = Message(line=0), "", False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("#") or not line.strip():
            is_fuzzy = is_fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        match = LINE.match(line)
        if not match or not (match["keyword"] or keyword):
            raise ValueError(f"{path}:{number} is not a line of a catalog.")
        starts_entry = match["keyword"] in ("msgctxt", "msgid") and keyword != "msgctxt"
        if starts_entry:
            if message.msgid:
                yield message
            message, is_fuzzy = Message(line=number, is_fuzzy=is_fuzzy), False
        keyword = match["keyword"] or keyword
        message.append(keyword, ast.literal_eval(match["text"]))
    if message.msgid:
        yield message


def find_placeholder_errors(path: Path) -> Iterator[str]:
    """Yield one sentence for each translation in a ``.po`` file that would not keep the original's placeholders.

    Fuzzy and empty translations are not checked, because the site does not use them.
    """
    for message in read_catalog(path):
        if message.is_fuzzy or not any(message.translations.values()):
            continue
        for form, translation in sorted(message.translations.items()):
            if not translation:
                yield f"{path}:{message.line} form {form} is empty, while other forms are translated."
            elif placeholders(translation) not in _allowed_placeholders(message, form):
                wanted = ", ".join(sorted(placeholders(message.plural or message.msgid))) or "none"
                yield f"{path}:{message.line} form {form}: {translation!r} has to have these placeholders: {wanted}."


def placeholders(text: str) -> frozenset[str]:
    """Return the named placeholders of a sentence, such as ``%(bank)s`` or ``{link}``."""
    return frozenset(PLACEHOLDER.findall(text.replace("%%", "")))


def _allowed_placeholders(message: Message, form: int) -> list[frozenset[str]]:
    """Return the sets of placeholders that a form may have.

    The first form may leave the number out as the original's singular does, unless the language has only one form.
    """
    allowed = [placeholders(message.plural or message.msgid)]
    if message.plural and form == 0 and len(message.translations) > 1:
        allowed.append(placeholders(message.msgid))
    return allowed
