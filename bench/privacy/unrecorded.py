"""The site without access events: its pages do not record that they were looked at.

`bench.privacy.audit` serves this beside the real site, to measure what recording costs. A function that does nothing
is put in the place of the real one before any view imports it.
"""

from django.core.wsgi import get_wsgi_application

from compliance.audit import daily_access


def record_nothing(*_: object) -> None:
    """Take the same arguments as ``record_data_access``."""


daily_access.record_data_access = record_nothing

application = get_wsgi_application()
