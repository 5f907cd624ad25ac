"""Macros of Jinja2 for what a page repeats many times, where a node of a Django template for each cell costs too much.

A macro escapes what it is given. Its template is in the folder ``jinja2`` of its app.
"""

from collections.abc import Callable
from typing import Any, cast

from django.template import engines
from django.template.backends.jinja2 import Jinja2
from markupsafe import Markup


def load_macro(template: str, name: str) -> Callable[..., Markup]:
    """Return a macro; its template is compiled once. Raises ``TemplateNotFound`` and ``AttributeError``."""
    engine = cast(Jinja2, engines["jinja2"])
    return cast(Callable[..., Markup], getattr(cast(Any, engine.env).get_template(template).module, name))
