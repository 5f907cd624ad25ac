"""Whether an address leads to this machine, where the sandbox may be called without TLS."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback_url(url: str) -> bool:
    """Whether ``url`` leads to this machine and has no user, query or fragment. It may have a path."""
    try:
        parts = urlsplit(url)
        name, _port = parts.hostname, parts.port
    except ValueError:
        return False
    has_extras = parts.username or parts.password or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and not has_extras and (name == "localhost" or is_loopback(name or ""))


def is_loopback(address: str) -> bool:
    """Whether an IP address is a loopback address, also as IPv4 written as IPv6. A host name is not."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return bool((getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback)
