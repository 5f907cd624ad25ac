"""Django's ``makemessages`` for this project: it also reads Jinja2 macros, and writes catalogs that change rarely."""

import re
import shutil
from pathlib import Path
from typing import Any, cast

from django.core.management.base import CommandError
from django.core.management.commands import makemessages
from django.template import engines
from django.template.backends.jinja2 import Jinja2
from jinja2 import Environment

PROGRAMS = ("xgettext", "msguniq", "msgmerge", "msgattrib")
MISSING = (
    "GNU gettext is not installed. On Debian and Ubuntu: apt-get install gettext; on Fedora: dnf install gettext; "
    "on macOS: brew install gettext."
)
# Folders and files whose sentences are not the site's, or are not translated.
IGNORED = ["bench", "devservices", "sandbox", "tests", "migrations", "conftest.py", "requirements*.txt"]
CREATION_DATE = re.compile(r'^"POT-Creation-Date: .*\n', re.MULTILINE)


class TranslatableFile(makemessages.BuildFile):
    """A source file. Jinja2 parses its own templates; Django's parser would miss their plural forms and blocks."""

    def preprocess(self) -> None:
        """Write the sentences of a Jinja2 template as Python, which xgettext reads; leave the rest to Django."""
        if "jinja2" not in Path(self.path).parts[:-1]:
            super().preprocess()
            return
        environment = cast(Jinja2, engines["jinja2"]).env
        calls = extract_calls(environment, Path(self.path).read_text(encoding="utf-8"))
        Path(self.work_path).write_text("\n".join(calls), encoding="utf-8")


def extract_calls(environment: Environment, source: str) -> list[str]:
    """Return the calls of gettext functions in a Jinja2 template, as Python with constant arguments only."""
    calls = []
    for _, function, message in cast(Any, environment).extract_translations(source):
        texts = [message] if isinstance(message, str) else [text for text in message if text is not None]
        calls.append(f"{function}({', '.join(map(repr, texts))})")
    return calls


class Command(makemessages.Command):
    """Collect the sentences of templates, macros and apps into the catalogs under ``locale/``."""

    build_file_class = TranslatableFile

    def handle(self, *args: Any, **options: Any) -> None:
        """Run Django's command with the project's folders, and with file names instead of line numbers."""
        if not all(map(shutil.which, PROGRAMS)):
            raise CommandError(MISSING)
        options["ignore_patterns"] = [*options["ignore_patterns"], *IGNORED]
        options["add_location"] = options["add_location"] or "file"
        super().handle(*args, **options)

    def write_po_file(self, potfile: str, locale: str) -> None:
        """Write a catalog without the time of this run, so that it changes only with its sentences."""
        super().write_po_file(potfile, locale)
        path = Path(potfile).parent / locale / "LC_MESSAGES" / f"{self.domain}.po"
        path.write_text(CREATION_DATE.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
