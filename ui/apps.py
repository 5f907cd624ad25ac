from django.apps import AppConfig


class UiConfig(AppConfig):
    """The template components and formats that pages of every app share."""

    name = "ui"
