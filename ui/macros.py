"""Jinja2 macros for rows that a page repeats many times, for which Django's template nodes would be too slow.

A macro escapes its arguments. Its template is in the folder ``jinja2`` of its app.
"""

from collections.abc import Callable
from typing import Any, cast

from django.template import engines
from django.template.backends.jinja2 import Jinja2
from markupsafe import Markup


def load_macro(template: str, name: str) -> Callable[..., Markup]:
    """Return a macro, whose template is compiled once. Raises ``TemplateNotFound`` and ``AttributeError``."""
    engine = cast(Jinja2, engines["jinja2"])
    return cast(Callable[..., Markup], getattr(cast(Any, engine.env).get_template(template).module, name))
