"""The texts that users sign on a page of their own, and that are not published as files: the version in force."""

from typing import Final

from compliance.consent.consent_text import Purpose

_versions: Final[dict[Purpose, str]] = {}


def register_signed_version(purpose: Purpose, version: str) -> None:
    """Say which version of a purpose's text users sign now; a second call replaces the first."""
    _versions[purpose] = version


def find_signed_version(purpose: Purpose) -> str:
    """Return the version that users sign now; empty for a purpose without a signed text."""
    return _versions.get(purpose, "")
