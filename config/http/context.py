"""The context processor of all pages. It makes no query."""

from django.conf import settings
from django.http import HttpRequest

THEMES = ("system", "light", "dark")


def site_context(request: HttpRequest) -> dict[str, object]:
    """Return the CSP nonce, the theme, the build, and whether data comes from a sandbox and credit is on."""
    theme = request.COOKIES.get(settings.THEME_COOKIE_NAME, "")
    return {
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "theme": theme if theme in THEMES else "system",
        "build_id": settings.BUILD_ID,
        "sandbox_data": settings.PLAID_ENV != "production",
        "credit_on": settings.CREDIT_ENV != "off",
    }
