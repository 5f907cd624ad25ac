"""The content security policy of the pages that open a provider's linking dialog. No other page allows its script."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse

from banking.providers import all_providers

View = Callable[..., HttpResponse]


def link_page(view: View) -> View:
    """Decorate a view: its response gets the policy that the dialogs need, and a bank's pop-up can message its page."""

    @wraps(view)
    def with_policy(request: HttpRequest, *args: object, **options: object) -> HttpResponse:
        response: HttpResponse = csp_replace(link_policy())(view)(request, *args, **options)  # type: ignore[assignment]
        response["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
        return response

    return with_policy


def link_policy() -> dict[str, Any]:
    """The directives that all providers of this site replace together; ``None`` removes a directive."""
    policy: dict[str, Any] = {}
    for provider in all_providers():
        for directive, sources in provider.link_settings().content_security_policy.items():
            known = policy.setdefault(directive, sources)
            if known is not None and sources is not None:
                policy[directive] = list(dict.fromkeys([*known, *sources]))
            else:
                policy[directive] = None
    return policy
