"""The content security policy of all pages; ``docs/headers-and-limits.md`` lists the pages that differ."""

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
        # Only pages with htmx create this policy (static/js/fragments.js). On other pages no text can become HTML.
        "trusted-types": ["default"],
        # Chromium reads the first, other browsers the second.
        "report-to": ["policy"],
        "report-uri": ["/policy-reports/"],
    }
}
