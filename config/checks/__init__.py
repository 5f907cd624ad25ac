"""System checks of the settings. ``docs/system-checks.md`` lists them."""

from config.checks import encryption, providers, site, translations  # noqa: F401  (register themselves)
