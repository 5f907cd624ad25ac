"""The site's WSGI application. Importing `bench` sets its STATIC_ROOT to the files that the bench has collected."""

from config.wsgi import application

__all__ = ["application"]
