"""The site as it is deployed; importing `bench` has told it where its static files lie."""

from config.wsgi import application

__all__ = ["application"]
