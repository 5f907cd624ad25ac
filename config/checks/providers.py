"""Checks of the settings of Plaid and of the credit bureau."""

from collections.abc import Iterator

from django.conf import settings

from compliance.startup import startup_check

REAL_ENVIRONMENTS = ("sandbox", "production")
CREDENTIALS = ("PLAID_CLIENT_ID", "PLAID_SECRET")
# The values of ``banking.provider.BankRefresh``; checks run before any model is loaded.
REFRESHES = ("transactions", "balances")
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
# The values for Experian's own sandbox. In production they would belong to another customer's contract.
SANDBOX_REFERENCE, SANDBOX_SUBSCRIBER = "SBMYSQL", "2222222"


@startup_check("plumbline.E001")
def check_plaid_settings() -> Iterator[str]:
    """Refuse settings with which the site cannot call Plaid, or would call another environment than intended."""
    if settings.PLAID_ENV == "embedded":
        yield from _check_local_sandbox()
    elif settings.PLAID_ENV not in REAL_ENVIRONMENTS:
        yield "PLAID_ENV has to be production or sandbox; embedded is for development."
    else:
        for name in CREDENTIALS:
            if not getattr(settings, name):
                yield f"{name} is missing. Plaid's dashboard shows it under Developers, Keys."
    if settings.PLAID_ENV == "production" and settings.DEBUG:
        yield "DEBUG=1 shows strangers how the site works inside. It cannot be used with PLAID_ENV=production."


def _check_local_sandbox() -> Iterator[str]:
    if not settings.ALLOW_EMBEDDED:
        yield (
            "PLAID_ENV=embedded shows made-up banks. Set it to production or sandbox, "
            "or set ALLOW_EMBEDDED=1 if that is what this site is for."
        )
    if not settings.PLAID_URL:
        yield "PLAID_ENV=embedded needs PLAID_URL, the sandbox program's address; `make run` sets it."


@startup_check("plumbline.E018")
def check_refresh_settings() -> Iterator[str]:
    """Refuse settings by which "Sync now" would ask for what Plaid does not offer, or could never ask."""
    unknown = sorted(set(settings.PLAID_REFRESH) - set(REFRESHES))
    if unknown:
        yield f"PLAID_REFRESH can list {' and '.join(REFRESHES)}, not {', '.join(unknown)}."
    if settings.PLAID_REFRESH and settings.PLAID_PAID_CALLS_PER_DAY < 1:
        yield "PLAID_REFRESH needs PLAID_PAID_CALLS_PER_DAY: how many of these calls a day the site may make at most."
    if settings.PLAID_REFRESH and settings.PLAID_REFRESHES_PER_DAY < 1:
        yield "PLAID_REFRESHES_PER_DAY has to be at least 1. Leave PLAID_REFRESH empty to ask for nothing."


@startup_check("plumbline.E002")
def check_bureau_settings() -> Iterator[str]:
    """Refuse settings with which the site cannot call the bureau, or would call another environment than intended."""
    if settings.CREDIT_ENV == "embedded":
        yield from _check_local_bureau()
    elif settings.CREDIT_ENV in REAL_BUREAUS:
        yield from _check_real_bureau()
    elif settings.CREDIT_ENV != "off":
        yield "CREDIT_ENV has to be production, uat, sandbox or off; embedded is for development."
    if settings.CREDIT_ENV == "production":
        yield from _check_production_bureau()


def _check_local_bureau() -> Iterator[str]:
    if not settings.ALLOW_EMBEDDED:
        yield "CREDIT_ENV=embedded shows made-up credit files. Set it to production or off, or set ALLOW_EMBEDDED=1."
    if not settings.EXPERIAN_BASE_URL:
        yield "CREDIT_ENV=embedded needs EXPERIAN_BASE_URL, the sandbox program's address; `make run` sets it."


def _check_real_bureau() -> Iterator[str]:
    """Report values of the contract with the bureau that the settings lack."""
    for name in BUREAU_CREDENTIALS:
        if not getattr(settings, name):
            yield f"{name} is missing. The contract with Experian names it; there is no default."
    if settings.EXPERIAN_INQUIRY_CLASS != "soft":
        yield (
            "EXPERIAN_INQUIRY_CLASS has to be soft. Say so only if the contract's subscriber code makes soft "
            "inquiries: a hard one can lower a person's score."
        )


def _check_production_bureau() -> Iterator[str]:
    """Report test settings that must not be used with real credit files."""
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
