"""What a page of the site may load, run and send; ``docs/headers-and-limits.md`` names the pages that differ."""

from csp.constants import NONCE, NONE, SELF

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [NONCE],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "require-trusted-types-for": ["'script'"],
        # Only pages with htmx make this policy (static/js/fragments.js); on the others no text becomes HTML.
        "trusted-types": ["default"],
        # Chromium asks for the first, everybody else for the second.
        "report-to": ["policy"],
        "report-uri": ["/policy-reports/"],
    }
}
