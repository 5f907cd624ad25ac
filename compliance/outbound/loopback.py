"""Whether an address leads to this machine, where the sandbox program may be asked without TLS."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback_url(url: str) -> bool:
    """Whether ``url`` is the address of a server here, with no user, query or fragment; a path it may have."""
    try:
        parts = urlsplit(url)
        name, _port = parts.hostname, parts.port
    except ValueError:
        return False
    adorned = parts.username or parts.password or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and not adorned and (name == "localhost" or is_loopback(name or ""))


def is_loopback(address: str) -> bool:
    """Whether an IP address, IPv4 written as IPv6 included, is one of this machine's own; a name is none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return bool((getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback)
