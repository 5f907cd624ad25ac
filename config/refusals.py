"""What is wrong with the settings. Anything in ``problems`` keeps every process from starting."""

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from config.environment import read_dev_environment

REAL_ENVIRONMENTS = ("sandbox", "production")
CREDENTIALS = ("PLAID_CLIENT_ID", "PLAID_SECRET")
# Of 50 random characters, hexadecimal ones included, fewer than 10 different ones come up once in a million times.
SECRET_LENGTH = 50
SECRET_VARIETY = 10
# As strong as a symmetric key of 128 bits. Source: NIST SP 800-57 part 1, table 2
TOKEN_BITS = 3072
PLACEHOLDERS = ("insecure", "change-me", "changeme", "example", "placeholder")
# Names that nobody outside of this machine or its network can look up.
# Source: RFC 6761, RFC 6762 appendix G, RFC 8375
LOCAL_ENDINGS = (".localhost", ".local", ".test", ".internal", ".lan", ".home.arpa")
# Each keeps or prints mails, sign-in links included, instead of sending them.
UNDELIVERED = tuple(
    f"django.core.mail.backends.{name}.EmailBackend" for name in ("console", "dummy", "filebased", "locmem")
)
REAL_BUREAUS = ("sandbox", "uat", "production")
BUREAU_CREDENTIALS = (
    "EXPERIAN_CLIENT_ID",
    "EXPERIAN_CLIENT_SECRET",
    "EXPERIAN_USERNAME",
    "EXPERIAN_PASSWORD",
    "EXPERIAN_SUBSCRIBER_CODE",
    "EXPERIAN_PERMISSIBLE_PURPOSE",
)
PRODUCTION_BUREAU = "https://us-api.experian.com"
# What Experian's own sandbox is asked with. In production it would be somebody else's contract.
SANDBOX_REFERENCE, SANDBOX_SUBSCRIBER = "SBMYSQL", "2222222"


def problems(settings: Any) -> list[str]:
    """Say, one sentence each, why the site cannot run with these settings; empty when it can.

    No sentence shows a value that might be a secret.
    """
    found = [
        *banks(settings),
        *bureau(settings),
        *embedded_services(settings),
        *secrets(settings),
        *token_key(settings),
        *debugging(settings),
        *left_from_make_run(settings),
        *contact(settings),
    ]
    if not settings.DEBUG:
        found += [*address(settings)]
        if settings.PLAID_ENV in REAL_ENVIRONMENTS:
            found += [*site(settings)]
    return found


def banks(settings: Any) -> Iterator[str]:
    """Yield what keeps the site from asking the banks that it says it asks."""
    if settings.PLAID_ENV == "embedded":
        yield from local_sandbox(settings)
    elif settings.PLAID_ENV not in REAL_ENVIRONMENTS:
        yield "PLAID_ENV has to be production or sandbox; embedded is for development."
    else:
        for name in CREDENTIALS:
            if not getattr(settings, name):
                yield f"{name} is missing. Plaid's dashboard shows it under Developers, Keys."
    if settings.PLAID_ENV == "production" and settings.DEBUG:
        yield "DEBUG=1 shows strangers how the site works inside. It cannot be used with PLAID_ENV=production."


def local_sandbox(settings: Any) -> Iterator[str]:
    """Yield what keeps the site from using the sandbox program on this machine."""
    if not settings.ALLOW_EMBEDDED:
        yield (
            "PLAID_ENV=embedded shows made-up banks. Set it to production or sandbox, "
            "or set ALLOW_EMBEDDED=1 if that is what this site is for."
        )
    if not settings.PLAID_URL:
        yield "PLAID_ENV=embedded needs PLAID_URL, the sandbox program's address; `make run` sets it."


def bureau(settings: Any) -> Iterator[str]:
    """Yield what keeps the site from asking the credit bureau that it says it asks."""
    if settings.CREDIT_ENV == "embedded":
        yield from local_bureau(settings)
    elif settings.CREDIT_ENV in REAL_BUREAUS:
        yield from real_bureau(settings)
    elif settings.CREDIT_ENV != "off":
        yield "CREDIT_ENV has to be production, uat, sandbox or off; embedded is for development."
    if settings.CREDIT_ENV == "production":
        yield from production_bureau(settings)


def local_bureau(settings: Any) -> Iterator[str]:
    """Yield what keeps the site from using the sandbox program's bureau on this machine."""
    if not settings.ALLOW_EMBEDDED:
        yield "CREDIT_ENV=embedded shows made-up credit files. Set it to production or off, or set ALLOW_EMBEDDED=1."
    if not settings.EXPERIAN_BASE_URL:
        yield "CREDIT_ENV=embedded needs EXPERIAN_BASE_URL, the sandbox program's address; `make run` sets it."


def real_bureau(settings: Any) -> Iterator[str]:
    """Yield what a contract with the bureau settles and the settings do not say."""
    for name in BUREAU_CREDENTIALS:
        if not getattr(settings, name):
            yield f"{name} is missing. The contract with Experian names it; there is no default."
    if settings.EXPERIAN_INQUIRY_CLASS != "soft":
        yield (
            "EXPERIAN_INQUIRY_CLASS has to be soft. Say so only if the contract's subscriber code makes soft "
            "inquiries: a hard one can lower a person's score."
        )


def production_bureau(settings: Any) -> Iterator[str]:
    """Yield what must not be mixed with real people's files."""
    if settings.DEBUG:
        yield "DEBUG=1 shows strangers how the site works inside. It cannot be used with CREDIT_ENV=production."
    if settings.EXPERIAN_BASE_URL not in ("", PRODUCTION_BUREAU):
        yield f"EXPERIAN_BASE_URL has to be empty or {PRODUCTION_BUREAU} with CREDIT_ENV=production."
    if settings.EXPERIAN_CLIENT_REFERENCE_ID:
        yield (
            "EXPERIAN_CLIENT_REFERENCE_ID has to be empty in production, where every attempt has its own; "
            f"{SANDBOX_REFERENCE} is for Experian's sandbox."
        )
    if settings.EXPERIAN_SUBSCRIBER_CODE == SANDBOX_SUBSCRIBER:
        yield "EXPERIAN_SUBSCRIBER_CODE is the one of Experian's sandbox. The contract names your own."


def embedded_services(settings: Any) -> Iterator[str]:
    """Yield the services of ``make run`` that a hardened site would use: their data may go at any time."""
    if settings.ALLOW_EMBEDDED:
        return
    places = {"REDIS_URL": settings.REDIS_URL}
    for alias, database in settings.DATABASES.items():
        name = "DATABASE_URL" if alias == "default" else f"DATABASE_{alias.upper()}_URL"
        # A socket's folder stands in the host's place of the URL or, as `make run` writes it, behind ``?host=``.
        places[name] = unquote(database.get("HOST", "")) or database.get("OPTIONS", {}).get("host", "")
    folders = socket_folders(settings.DEV_ENVIRONMENT)
    for name, place in places.items():
        if any(folder in place for folder in folders):
            yield f"{name} names a service that `make run` started. Name one of your own, or set ALLOW_EMBEDDED=1."


def socket_folders(dev_environment: Path) -> set[str]:
    """Where the services of `make run` listen: in its data directory, or where its last start put the sockets."""
    redis = urlsplit(read_dev_environment(dev_environment).get("REDIS_URL", ""))
    moved = {str(Path(unquote(redis.path)).parent)} if redis.scheme == "unix" else set()
    return {str(dev_environment.parent / "sockets")} | moved


def secrets(settings: Any) -> Iterator[str]:
    """Yield which of the keys that sign sessions and mailed links somebody could guess."""
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
    """Whether a signing key is shorter, plainer or more regular than a random one could be."""
    if len(key) < SECRET_LENGTH or len(set(key)) < SECRET_VARIETY:
        return True
    repeats = key in (key + key)[1:-1]
    return repeats or any(word in key.lower() for word in PLACEHOLDERS)


def token_key(settings: Any) -> Iterator[str]:
    """Yield what is wrong with the key that signs tokens, where there is one."""
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


def debugging(settings: Any) -> Iterator[str]:
    """Yield the names under which strangers would reach a site in development."""
    if not settings.DEBUG:
        return
    names = {"ALLOWED_HOSTS": settings.ALLOWED_HOSTS, "PUBLIC_URL": [urlsplit(settings.PUBLIC_URL).hostname or ""]}
    for name, hosts in names.items():
        if public := [host for host in hosts if is_public(host)]:
            yield f"DEBUG=1 shows strangers how the site works inside, and {name} has a public name: {public[0]}."


def is_public(host: str) -> bool:
    """Whether a name of the site, as ``ALLOWED_HOSTS`` takes it, can be reached from outside of its network."""
    try:
        return ip_address(host.strip("[]")).is_global
    except ValueError:
        name = host.lower().strip(".")
        return name == "*" or ("." in name and not f".{name}".endswith(LOCAL_ENDINGS))


def address(settings: Any) -> Iterator[str]:
    """Yield what would let a request choose the name under which mails lead back to the site."""
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


def contact(settings: Any) -> Iterator[str]:
    """Yield why nobody could write to the address that the help page gives."""
    name, at, host = settings.SUPPORT_EMAIL.partition("@")
    if settings.SUPPORT_EMAIL and not (name and at and "." in host and not set(' <>"?&/') & set(name + host)):
        yield "SUPPORT_EMAIL has to be an address such as help@plumbline.example, and nothing else."


def is_pattern(host: str) -> bool:
    """Whether an entry of ``ALLOWED_HOSTS`` takes more than one name."""
    return "*" in host or host.startswith(".")


def is_origin(url: str) -> bool:
    """Whether an address is a scheme, a host and at most a port."""
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    place = f"[{name}]" if ":" in name else name
    plain = f"{parts.scheme}://{place}" + (f":{port}" if port else "")
    return parts.scheme in ("http", "https") and bool(name) and url.lower() == plain


def left_from_make_run(settings: Any) -> Iterator[str]:
    """Yield the sandbox program's credentials and mailbox where real banks, or real people, are meant."""
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


def site(settings: Any) -> Iterator[str]:
    """Yield what people and webhooks need to reach the site, and to reach it safely."""
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
