"""The site without row-level security: Django's own database backend instead of ours.

`bench.isolation` serves this in the role that sees all rows, beside the real site, to see what keeping people
apart costs. The project's other fences cost no statement and stay.
"""

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"

application = get_wsgi_application()
