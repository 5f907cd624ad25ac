"""Checks of the settings that make the site reachable and safe: keys, host names, addresses, services."""

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from compliance.startup import startup_check
from config.checks.providers import CREDENTIALS, REAL_ENVIRONMENTS
from config.environment import read_dev_environment

# 50 random characters, even hexadecimal ones, have fewer than 10 different ones once in a million times.
SECRET_LENGTH = 50
SECRET_VARIETY = 10
# As strong as a symmetric key of 128 bits. Source: NIST SP 800-57 part 1, table 2
TOKEN_BITS = 3072
PLACEHOLDERS = ("insecure", "change-me", "changeme", "example", "placeholder")
# Host names that cannot be resolved outside of this machine or its network.
# Source: RFC 6761, RFC 6762 appendix G, RFC 8375
LOCAL_ENDINGS = (".localhost", ".local", ".test", ".internal", ".lan", ".home.arpa")
# These backends store or print emails, also those with sign-in links, instead of sending them.
UNDELIVERED = tuple(
    f"django.core.mail.backends.{name}.EmailBackend" for name in ("console", "dummy", "filebased", "locmem")
)


@startup_check("plumbline.E003")
def check_embedded_services() -> Iterator[str]:
    """Refuse the services of ``make run`` on a hardened site: their data may be deleted at any time."""
    if settings.ALLOW_EMBEDDED:
        return
    locations = {"REDIS_URL": settings.REDIS_URL}
    for alias, database in settings.DATABASES.items():
        name = "DATABASE_URL" if alias == "default" else f"DATABASE_{alias.upper()}_URL"
        # A socket's folder is in the host part of the URL or, as `make run` writes it, in the parameter ``host``.
        locations[name] = unquote(database.get("HOST", "")) or database.get("OPTIONS", {}).get("host", "")
    folders = socket_folders(settings.DEV_ENVIRONMENT)
    for name, location in locations.items():
        if any(folder in location for folder in folders):
            yield f"{name} names a service that `make run` started. Name one of your own, or set ALLOW_EMBEDDED=1."


def socket_folders(dev_environment: Path) -> set[str]:
    """Return the folders of the sockets of `make run`: in its data directory, or where its last start put them."""
    redis = urlsplit(read_dev_environment(dev_environment).get("REDIS_URL", ""))
    moved = {str(Path(unquote(redis.path)).parent)} if redis.scheme == "unix" else set()
    return {str(dev_environment.parent / "sockets")} | moved


@startup_check("plumbline.E004")
def check_signing_keys() -> Iterator[str]:
    """Refuse keys for sessions and emailed links that could be guessed."""
    for name, keys in (
        ("SECRET_KEY", [settings.SECRET_KEY]),
        ("SECRET_KEY_FALLBACKS", settings.SECRET_KEY_FALLBACKS),
    ):
        if any(is_weak(key) for key in keys):
            yield (
                f"{name} is short, repeats itself or was made up by a person. Make a key with "
                '`python -c "import secrets; print(secrets.token_urlsafe(50))"`.'
            )


def is_weak(key: str) -> bool:
    """Whether a signing key is shorter or more regular than a random one, or contains a placeholder."""
    if len(key) < SECRET_LENGTH or len(set(key)) < SECRET_VARIETY:
        return True
    repeats = key in (key + key)[1:-1]
    return repeats or any(placeholder in key.lower() for placeholder in PLACEHOLDERS)


@startup_check("plumbline.E005")
def check_token_key() -> Iterator[str]:
    """Refuse a weak or unreadable key for signing tokens, if there is one."""
    if not settings.HEADLESS_JWT_PRIVATE_KEY:
        return
    try:
        key = load_pem_private_key(settings.HEADLESS_JWT_PRIVATE_KEY.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        yield "JWT_PRIVATE_KEY cannot be read. It has to be an RSA key as PEM, without a passphrase."
        return
    if not isinstance(key, RSAPrivateKey) or key.key_size < TOKEN_BITS:
        yield (
            f"JWT_PRIVATE_KEY is no RSA key of {TOKEN_BITS} bits or more. Make one with "
            f"`openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{TOKEN_BITS}`."
        )


@startup_check("plumbline.E006")
def check_debug() -> Iterator[str]:
    """Refuse DEBUG on a site with a public host name."""
    if not settings.DEBUG:
        return
    names = {"ALLOWED_HOSTS": settings.ALLOWED_HOSTS, "PUBLIC_URL": [urlsplit(settings.PUBLIC_URL).hostname or ""]}
    for name, hosts in names.items():
        if public := [host for host in hosts if is_public(host)]:
            yield f"DEBUG=1 shows strangers how the site works inside, and {name} has a public name: {public[0]}."


def is_public(host: str) -> bool:
    """Whether an entry of ``ALLOWED_HOSTS`` can be reached from outside of the site's network."""
    try:
        return ip_address(host.strip("[]")).is_global
    except ValueError:
        name = host.lower().strip(".")
        return name == "*" or ("." in name and not f".{name}".endswith(LOCAL_ENDINGS))


@startup_check("plumbline.E007")
def check_sandbox_leftovers() -> Iterator[str]:
    """Refuse the local sandbox's credentials and mailbox with real banks."""
    if settings.PLAID_ENV not in REAL_ENVIRONMENTS:
        return
    known = read_dev_environment(settings.DEV_ENVIRONMENT)
    for name in CREDENTIALS:
        if (value := getattr(settings, name)) and value == known.get(name):
            yield f"{name} is the one of the sandbox program on this machine. Plaid's dashboard shows your own."
    is_here = settings.EMAIL_HOST == "localhost" or settings.EMAIL_HOST.startswith("127.")
    mailbox = urlsplit(known.get("EMAIL_URL", "")).port
    if settings.PLAID_ENV == "production" and is_here and mailbox and str(settings.EMAIL_PORT) == str(mailbox):
        yield "EMAIL_URL leads to the mailbox of `make run`, which keeps them all. Name the server that delivers."


@startup_check("plumbline.E008")
def check_support_email() -> Iterator[str]:
    """Refuse a support address that is not a valid email address."""
    name, at, host = settings.SUPPORT_EMAIL.partition("@")
    if settings.SUPPORT_EMAIL and not (name and at and "." in host and not set(' <>"?&/') & set(name + host)):
        yield "SUPPORT_EMAIL has to be an address such as help@plumbline.example, and nothing else."


@startup_check("plumbline.E009")
def check_public_url() -> Iterator[str]:
    """Refuse a public URL that cannot be used for links in emails, and patterns in ``ALLOWED_HOSTS``.

    With a pattern, a request could choose the host of links in emails.
    """
    if settings.DEBUG:
        return
    if is_origin(settings.PUBLIC_URL):
        host = urlsplit(settings.PUBLIC_URL).hostname or ""
        known = {name.lower().strip("[]").rstrip(".") for name in settings.ALLOWED_HOSTS}
        is_real = settings.PLAID_ENV in REAL_ENVIRONMENTS and settings.ALLOWED_HOSTS
        if is_real and host not in known and not any(is_pattern(name) for name in known):
            yield f"PUBLIC_URL names {host}, which is not in ALLOWED_HOSTS, so that its pages would answer 400."
    else:
        yield "PUBLIC_URL has to be an address such as https://plumbline.example, with no path behind it."
    for name in settings.ALLOWED_HOSTS:
        if is_pattern(name):
            yield f"ALLOWED_HOSTS has {name} in it, which takes names that are not the site's. Spell each name out."


def is_pattern(host: str) -> bool:
    """Whether an entry of ``ALLOWED_HOSTS`` matches more than one name."""
    return "*" in host or host.startswith(".")


def is_origin(url: str) -> bool:
    """Whether an address is a scheme, a host and at most a port."""
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    host = f"[{name}]" if ":" in name else name
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    return parts.scheme in ("http", "https") and bool(name) and url.lower() == origin


@startup_check("plumbline.E010")
def check_deployment() -> Iterator[str]:
    """Refuse a site with real banks that users and webhooks cannot reach over TLS."""
    if settings.DEBUG or settings.PLAID_ENV not in REAL_ENVIRONMENTS:
        return
    if settings.TRUSTED_PROXY_COUNT < 1:
        yield (
            "TRUSTED_PROXY_COUNT is not set, so nothing tells the site which requests came over TLS. Let a proxy in "
            "front end TLS and set X-Forwarded-Proto and X-Forwarded-For, and say how many proxies there are."
        )
    if is_origin(settings.PUBLIC_URL) and not settings.PUBLIC_URL.startswith("https://"):
        yield "PUBLIC_URL has to be the https address under which people and webhooks reach the site."
    if not settings.ALLOWED_HOSTS:
        yield "ALLOWED_HOSTS is empty, so that every request would be refused. Name the site's own hosts."
    if settings.EMAIL_BACKEND in UNDELIVERED:
        yield "EMAIL_URL names no mail server, so that nobody would get a mail. Set it to smtp+tls://..."
