from django.apps import AppConfig


class UiConfig(AppConfig):
    """The parts and the formats that pages of every app share."""

    name = "ui"
