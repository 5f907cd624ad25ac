"""An applicant, settings and a client. Values that must not leak contain CANARY or are the SSN."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from credit.experian.client import ExperianClient
from credit.experian.settings import ExperianSettings
from credit.experian.transport import ExperianTransport
from credit.provider import Applicant, ConsentGrant, PullOptions

ADA = Applicant(
    first_name="Ada",
    last_name="Canarymercer",
    line1="101 Canary St",
    zip_code="46360",
    city="Michigan City",
    state="IN",
    birth=date(1971, 1, 15),
    ssn="666011001",
)
NOW = datetime.now(UTC)
CONSENT = ConsentGrant("consent-1", NOW - timedelta(days=1), NOW + timedelta(days=365))
ATTEMPT = PullOptions(reference_id="attempt1")
PROFILE = ExperianSettings(
    environment="embedded",
    host="http://127.0.0.1:1",
    token_path="/oauth2/v1/token",
    token_style="headers",
    report_path="/consumerservices/credit-profile/v2/credit-report",
    client_id="client",
    client_secret="CANARYSECRET",
    username="CANARYUSER",
    password="CANARYPASSWORD",
    subscriber_code="2222222",
    permissible_purpose="3F",
    inquiry_class="soft",
    risk_models=("V4",),
    reference_id="",
    vendor_number="",
    vendor_version="",
    seconds=5.0,
)
CANARIES = ("CANARY", "Canary", "666011001")


def make_client(url: str, **changes: Any) -> ExperianClient:
    """Return a client of a bureau at a URL on this machine."""
    settings = replace(PROFILE, host=url, **changes)
    return ExperianClient(settings, ExperianTransport(settings.host))
