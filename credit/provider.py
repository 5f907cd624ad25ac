"""The interface of a credit bureau.

A bureau's package (today ``credit/experian/``) calls the bureau, returns the response unchanged, and parses it into the
structs of ``credit.report``. No other module imports such a package: ``credit.bureaus`` finds it by the settings. A
call costs money and adds an inquiry to the credit file, so every error says whether a report may exist.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Never, Protocol

from credit.report import CreditReport


class Capability(StrEnum):
    """What a bureau can return."""

    REPORT = "report"
    SCORE = "score"
    FREEZE_SIGNAL = "freeze_signal"
    TRENDED = "trended"


class Outcome(StrEnum):
    """Whether the bureau made a report although the call failed.

    After ``UNKNOWN``, do not simply request again: the report may exist, be billed and be an inquiry in the file. Wait
    at least fifteen minutes, use a new reference, and request only once more.
    """

    NOT_MADE = "not_made"
    UNKNOWN = "unknown"
    MADE = "made"


@dataclass(frozen=True, slots=True, repr=False)
class Applicant:
    """The consumer whom a report is about. Never shown, logged, pickled or stored.

    ``ssn`` has nine digits or the last four, or is empty. ``birth`` is a date or a year.
    """

    first_name: str
    last_name: str
    line1: str
    zip_code: str
    middle_name: str = ""
    suffix: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    birth: date | int | None = None
    ssn: str = ""

    def __repr__(self) -> str:
        return "<Applicant>"

    def __reduce__(self) -> Never:
        raise TypeError("An Applicant stays in the memory of one process.")


@dataclass(frozen=True, slots=True)
class ConsentGrant:
    """A user's authorization for a pull."""

    consent_id: str
    granted_at: datetime
    expires_at: datetime

    def is_active(self, now: datetime) -> bool:
        """Whether the authorization is active at ``now``."""
        return self.granted_at <= now < self.expires_at


@dataclass(frozen=True, slots=True)
class PullOptions:
    """How to pull. ``reference_id`` is 1 to 32 letters and digits and names one attempt, never two."""

    reference_id: str


@dataclass(frozen=True, slots=True)
class BureauResponse:
    """A bureau's response exactly as it came, and how it was requested."""

    body: bytes = field(repr=False)
    content_type: str
    http_status: int
    reference_id: str
    fetched_at: datetime
    provider: str
    endpoint: str
    inquiry_class: str
    purpose: str
    sha256: str
    is_sample: bool


class BureauError(Exception):
    """A failed call of the bureau.

    ``code`` is for operators, ``reference_id`` for the bureau's support. Neither the message nor any attribute ever
    contains a token, a secret, a personal detail or a body.
    """

    def __init__(self, code: str, *, reference_id: str = "", outcome: Outcome = Outcome.NOT_MADE) -> None:
        super().__init__(f"{code} (reference {reference_id or 'none'}, report {outcome})")
        self.code = code
        self.reference_id = reference_id
        self.outcome = outcome


class BureauAuthError(BureauError):
    """The bureau rejects our credentials, even with a new token. An operator has to act."""


class BureauConfigError(BureauError):
    """Our settings, contract or request are wrong. An operator has to act; a retry cannot help."""


class ConsentExpired(BureauError):
    """There is no active consent for this pull, so nothing was requested."""


class BureauInputError(BureauError):
    """A personal detail is not acceptable. ``field`` is a field of ``Applicant``, or empty if none is named."""

    def __init__(self, code: str, *, field: str = "", reference_id: str = "") -> None:
        super().__init__(code, reference_id=reference_id)
        self.field = field


class BureauUnavailable(BureauError):
    """The bureau is unavailable. A later call may work; check ``outcome`` first."""


class BureauRateLimited(BureauUnavailable):
    """Too many calls; wait at least ``retry_after`` seconds."""

    def __init__(self, code: str, *, retry_after: int, reference_id: str = "") -> None:
        super().__init__(code, reference_id=reference_id)
        self.retry_after = retry_after


class BureauTimeout(BureauError):
    """The response did not arrive, or not completely. The outcome is always unknown."""

    def __init__(self, code: str, *, reference_id: str = "") -> None:
        super().__init__(code, reference_id=reference_id, outcome=Outcome.UNKNOWN)


class NoHit(BureauError):
    """The bureau has no file that matches these details."""


class FileFrozen(BureauError):
    """The consumer has frozen or locked the file, and only the consumer can open it."""


class FileRestricted(BureauError):
    """The bureau withholds the file. ``kind`` is a word such as ``alert_list`` or ``condition``."""

    def __init__(self, code: str, *, kind: str, reference_id: str = "") -> None:
        super().__init__(code, reference_id=reference_id)
        self.kind = kind


class MalformedReport(BureauError):
    """The response cannot be parsed as a report. A stored raw report can be parsed again later."""

    def __init__(self, code: str, *, reference_id: str = "", outcome: Outcome = Outcome.MADE) -> None:
        super().__init__(code, reference_id=reference_id, outcome=outcome)


@dataclass(frozen=True, slots=True)
class ApplicantLimits:
    """What the bureau accepts of an applicant: the longest name and address line, and the generation suffixes."""

    name_length: int
    line_length: int
    suffixes: tuple[str, ...]


class Bureau(Protocol):
    """One credit bureau. Everything but ``connect`` works without valid credentials. Only its client calls the bureau.

    ``key`` is what rows store, ``name`` what users read. ``parser_version`` rises with every change of the result of
    ``normalize``. ``password_lifetime`` is after how many days the site's password expires there, or ``None``.
    """

    key: str
    name: str
    capabilities: Set[Capability]
    parser_version: int
    applicant_limits: ApplicantLimits
    password_lifetime: int | None

    @property
    def environment(self) -> str:
        """The bureau's environment that the site uses; ``off`` if it uses none."""
        ...

    @property
    def is_sample(self) -> bool:
        """Whether the reports of this environment are about made-up consumers."""
        ...

    @property
    def permissible_purpose(self) -> str:
        """The purpose that every request states."""
        ...

    @property
    def inquiry_class(self) -> str:
        """Whether requests count as soft or hard inquiries."""
        ...

    @property
    def own_subscriber_codes(self) -> frozenset[str]:
        """The subscriber codes of the site's own inquiries in a report."""
        ...

    @property
    def password_set_on(self) -> date | None:
        """When the site's password was set, or ``None`` if the settings do not say."""
        ...

    def connect(self) -> "BureauClient":
        """Return this process's client. Raises ``BureauConfigError``."""
        ...

    def validate_applicant(self, applicant: Applicant) -> None:
        """Raise ``BureauInputError`` for details that a request cannot contain."""
        ...

    def normalize(self, raw: bytes, *, asof: date) -> CreditReport:
        """Parse a raw report: the same bytes and day give the same rows. Raises ``MalformedReport``."""
        ...


class BureauClient(Protocol):
    """The connection to a bureau."""

    def fetch(self, applicant: Applicant, consent: ConsentGrant, options: PullOptions) -> BureauResponse:
        """Request one report, once. Raises ``BureauError``."""
        ...
