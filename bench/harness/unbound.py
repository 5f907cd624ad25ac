"""The site without row-level security: Django's own database backend instead of ours.

`bench.isolation` serves this with the database role that sees all rows, beside the real site, to measure the cost of
row-level security. Checks that need no SQL statement stay enabled.
"""

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"

application = get_wsgi_application()
