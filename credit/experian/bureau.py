"""Experian, as ``credit.bureaus`` finds it."""

from datetime import date

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from credit.experian import client, normalize, request
from credit.provider import Applicant, ApplicantLimits, BureauClient, Capability
from credit.report import CreditReport


class ExperianBureau:
    """Implements ``credit.provider.Bureau``."""

    key = "experian"
    name = "Experian"
    capabilities = frozenset({Capability.REPORT, Capability.SCORE, Capability.FREEZE_SIGNAL})
    parser_version: int = normalize.PARSER_VERSION
    applicant_limits = ApplicantLimits(
        name_length=request.MAX_NAME_LENGTH, line_length=request.MAX_LINE_LENGTH, suffixes=tuple(request.GENERATIONS)
    )
    # From the handbook of Experian's Connect API. The contract of our product may state another number.
    password_lifetime: int | None = 90

    @property
    def environment(self) -> str:
        """The value of ``CREDIT_ENV``: embedded, sandbox, uat, production or off."""
        return str(settings.CREDIT_ENV)

    @property
    def is_sample(self) -> bool:
        """Whether the reports are about made-up consumers."""
        return self.environment != "production"

    @property
    def permissible_purpose(self) -> str:
        """The two letters or digits that the contract states."""
        return str(settings.EXPERIAN_PERMISSIBLE_PURPOSE)

    @property
    def inquiry_class(self) -> str:
        """Always soft: the client refuses any other."""
        return str(settings.EXPERIAN_INQUIRY_CLASS)

    @property
    def own_subscriber_codes(self) -> frozenset[str]:
        """The subscriber code of the contract."""
        return frozenset({settings.EXPERIAN_SUBSCRIBER_CODE} - {""})

    @property
    def password_set_on(self) -> date | None:
        """When the password was set, as the settings say."""
        day: date | None = settings.EXPERIAN_PASSWORD_SET_ON
        return day

    def connect(self) -> BureauClient:
        """Return this process's client. Raises ``BureauConfigError``."""
        return client.connect()

    @sensitive_variables()
    def validate_applicant(self, applicant: Applicant) -> None:
        """Raise ``BureauInputError`` for details that a request cannot carry."""
        request.build_applicant(applicant, is_sample=self.is_sample)

    @sensitive_variables()
    def normalize(self, raw: bytes, *, asof: date) -> CreditReport:
        """Parse a raw report. Raises ``MalformedReport``."""
        return normalize.normalize(raw, asof=asof, models=settings.CREDIT_MODEL_MAP)
