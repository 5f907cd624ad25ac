"""The settings of the Experian client: hosts, credentials and contract, all validated."""

import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings

from compliance.outbound.loopback import is_loopback_url
from credit.provider import BureauConfigError

# Credentials and personal details go to these hosts and to no other. https://developer.experian.com
HOSTS = {
    "sandbox": "https://sandbox-us-api.experian.com",
    "uat": "https://uat-us-api.experian.com",
    "production": "https://us-api.experian.com",
}
TOKEN_STYLES = ("headers", "body", "form")

_PATH = re.compile(r"/(?!/)[A-Za-z0-9_.~%/-]*(\?[A-Za-z0-9_.~%/:=&-]*)?")


@dataclass(frozen=True, slots=True)
class ExperianSettings:
    """The validated ``EXPERIAN_*`` settings. ``seconds`` is the timeout of a request for a report."""

    environment: str
    host: str
    token_path: str
    token_style: str
    report_path: str
    client_id: str
    client_secret: str = field(repr=False)
    username: str = field(repr=False)
    password: str = field(repr=False)
    subscriber_code: str
    permissible_purpose: str
    inquiry_class: str
    risk_models: tuple[str, ...]
    reference_id: str
    vendor_number: str
    vendor_version: str
    seconds: float

    @classmethod
    def from_settings(cls) -> Self:
        """Read the ``EXPERIAN_*`` settings. Raises ``BureauConfigError`` for any that cannot be right."""
        return cls(
            environment=settings.CREDIT_ENV,
            host=host_of(settings.CREDIT_ENV, settings.EXPERIAN_BASE_URL),
            token_path=path(settings.EXPERIAN_TOKEN_PATH),
            token_style=token_style(settings.EXPERIAN_TOKEN_STYLE),
            report_path=path(settings.EXPERIAN_REPORT_PATH),
            client_id=credential(settings.EXPERIAN_CLIENT_ID),
            client_secret=credential(settings.EXPERIAN_CLIENT_SECRET),
            username=credential(settings.EXPERIAN_USERNAME),
            password=credential(settings.EXPERIAN_PASSWORD),
            subscriber_code=code("SUBSCRIBER_CODE", settings.EXPERIAN_SUBSCRIBER_CODE, r"[A-Za-z0-9]{7,20}"),
            permissible_purpose=code("PERMISSIBLE_PURPOSE", settings.EXPERIAN_PERMISSIBLE_PURPOSE, "[A-Z0-9]{2}"),
            inquiry_class=code("INQUIRY_CLASS", settings.EXPERIAN_INQUIRY_CLASS, "soft"),
            risk_models=tuple(code("RISK_MODELS", model, r"\w{1,4}") for model in settings.EXPERIAN_RISK_MODELS),
            reference_id=code("CLIENT_REFERENCE_ID", settings.EXPERIAN_CLIENT_REFERENCE_ID, "[A-Za-z0-9]{0,32}"),
            vendor_number=code("VENDOR_NUMBER", settings.EXPERIAN_VENDOR_NUMBER, "([A-Za-z0-9]{3})?"),
            vendor_version=code("VENDOR_VERSION", settings.EXPERIAN_VENDOR_VERSION, "[A-Za-z0-9.]{0,6}"),
            seconds=settings.EXPERIAN_TIMEOUT,
        )

    @property
    def is_sample(self) -> bool:
        """Whether the reports are about made-up consumers."""
        return self.environment != "production"


def host_of(environment: str, url: str) -> str:
    """Return the base URL of an environment, without a trailing slash.

    ``url`` counts only in the embedded environment and must be on this machine. Elsewhere it may be empty or
    the environment's own address. Raises ``BureauConfigError``.
    """
    known = HOSTS.get(environment)
    if known and url.rstrip("/") in ("", known):
        return known
    if environment != "embedded" or not is_loopback_url(url) or urlsplit(url).path.strip("/"):
        raise BureauConfigError("HOST_REFUSED")
    return url.rstrip("/")


def path(value: str) -> str:
    """Return a path with or without a query. Raises ``BureauConfigError`` if it could lead to another host."""
    if not _PATH.fullmatch(value):
        raise BureauConfigError("PATH_REFUSED")
    return value


def token_style(value: str) -> str:
    """Return the name of a known style of token requests. Raises ``BureauConfigError`` for an unknown one."""
    if value not in TOKEN_STYLES:
        raise BureauConfigError("TOKEN_STYLE_REFUSED")
    return value


def credential(value: str) -> str:
    """Return a credential as it is. Raises ``BureauConfigError`` if it is empty or cannot stand in a header.

    The HTTP library would refuse such a header too, but with the credential in its message.
    """
    if not (value and value.isascii() and value.isprintable() and value == value.strip()):
        raise BureauConfigError("CREDENTIALS_REFUSED")
    return value


def code(name: str, value: str, pattern: str) -> str:
    """Return a code of the contract if it has the right form. Raises ``BureauConfigError`` naming the setting."""
    if not re.fullmatch(pattern, value, re.ASCII):
        raise BureauConfigError(f"{name}_REFUSED")
    return value
