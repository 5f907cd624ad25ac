"""The models of this app, for Django. Each is defined beside the code that uses it."""

from config.csp.models import PolicyViolation

__all__ = ["PolicyViolation"]
