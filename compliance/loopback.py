"""Whether an address leads to this machine, where the sandbox program may be asked without TLS."""

import ipaddress
from urllib.parse import urlsplit


def is_on_this_machine(url: str) -> bool:
    """Whether ``url`` is the address of a server here, with no user, query or fragment; a path it may have."""
    try:
        parts = urlsplit(url)
        name, _port = parts.hostname, parts.port
    except ValueError:
        return False
    adorned = parts.username or parts.password or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and not adorned and _is_loopback(name or "")


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
