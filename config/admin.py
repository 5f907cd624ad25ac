"""The operators' pages of this app, for Django."""

from config.csp.admin import PolicyViolationAdmin

__all__ = ["PolicyViolationAdmin"]
