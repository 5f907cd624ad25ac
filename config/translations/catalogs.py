"""Read message catalogs (``.po`` files) and find translations whose placeholders differ from the original's."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.pofile import read_po

# ``%(bank)s`` of Python and templates, and ``{link}`` of ``format_html``.
PLACEHOLDER = re.compile(r"%\(\w+\)[a-zA-Z]|\{\w+\}")


def read_catalog(path: Path) -> Catalog:
    """Read a ``.po`` file without its obsolete entries.

    Raises ``PoFileError`` for a line that is not part of an entry, and for more plural forms than the header says.
    """
    with path.open("rb") as lines:
        return read_po(lines, ignore_obsolete=True, abort_invalid=True)


def find_placeholder_errors(path: Path) -> Iterator[str]:
    """Yield one sentence for each translation in a ``.po`` file without the original's placeholders.

    Fuzzy and empty translations are not checked, because the site does not use them.
    """
    for message in read_catalog(path):
        forms = _forms(message.string)
        if not message.id or message.fuzzy or not any(forms):
            continue
        for form, translation in enumerate(forms):
            if not translation:
                yield f"{path}:{message.lineno} form {form} is empty, while other forms are translated."
            elif placeholders(translation) not in _allowed_placeholders(message, form):
                wanted = ", ".join(sorted(placeholders(_forms(message.id)[-1]))) or "none"
                yield f"{path}:{message.lineno} form {form}: {translation!r} has to have these placeholders: {wanted}."


def placeholders(text: str) -> frozenset[str]:
    """Return the named placeholders of a sentence, such as ``%(bank)s`` or ``{link}``."""
    return frozenset(PLACEHOLDER.findall(text.replace("%%", "")))


def _allowed_placeholders(message: Message, form: int) -> list[frozenset[str]]:
    """Return the sets of placeholders that a form may have.

    The first form may leave out the number as the original's singular does, unless the language has only one form.
    """
    singular, plural = _forms(message.id)[0], _forms(message.id)[-1]
    may_omit_number = form == 0 and len(_forms(message.string)) > 1
    return [placeholders(plural), placeholders(singular)] if may_omit_number else [placeholders(plural)]


def _forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the forms of a sentence: one, unless it has a plural."""
    return (text or "",) if isinstance(text, str | None) else tuple(text)
