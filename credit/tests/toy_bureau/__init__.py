"""A second bureau, in memory. It shows everything that a new bureau has to implement."""

import hashlib
import json
from collections.abc import Set
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from credit.provider import (
    Applicant,
    ApplicantLimits,
    BureauClient,
    BureauInputError,
    BureauResponse,
    Capability,
    ConsentGrant,
    MalformedReport,
    PullOptions,
)
from credit.report import CreditReport, Flags, Score


class ToyBureau:
    """Implement ``credit.provider.Bureau`` and ``BureauClient``, with the same score for every consumer."""

    key = "toy"
    name = "Toyland"
    capabilities: Set[Capability] = frozenset({Capability.REPORT, Capability.SCORE})
    parser_version = 7
    applicant_limits = ApplicantLimits(name_length=8, line_length=60, suffixes=("JR",))
    password_lifetime = None
    environment = "embedded"
    is_sample = True
    permissible_purpose = "T1"
    inquiry_class = "soft"
    own_subscriber_codes: frozenset[str] = frozenset()
    password_set_on = None
    # The reference ids of every request, shared by all instances.
    references: ClassVar[list[str]] = []

    def connect(self) -> BureauClient:
        return self

    def validate_applicant(self, applicant: Applicant) -> None:
        for field in ("first_name", "last_name"):
            if len(getattr(applicant, field)) > self.applicant_limits.name_length:
                raise BureauInputError("NAME_REFUSED", field=field)

    def fetch(self, applicant: Applicant, consent: ConsentGrant, options: PullOptions) -> BureauResponse:
        self.validate_applicant(applicant)
        self.references.append(options.reference_id)
        body = json.dumps({"toy_score": 777}).encode()
        return BureauResponse(
            body=body,
            content_type="application/json",
            http_status=200,
            reference_id=options.reference_id,
            fetched_at=datetime.now(UTC),
            provider=self.key,
            endpoint="/toy",
            inquiry_class=self.inquiry_class,
            purpose=self.permissible_purpose,
            sha256=hashlib.sha256(body).hexdigest(),
            is_sample=self.is_sample,
        )

    def normalize(self, raw: bytes, *, asof: date) -> CreditReport:
        document = json.loads(raw)
        if "toy_score" not in document:
            raise MalformedReport("NO_SCORE")
        score = Score("$", "vantagescore_4", "V4", document["toy_score"], "", asof, None, ())
        empty: dict[str, Any] = dict.fromkeys(
            ("tradelines", "inquiries", "public_records", "personal", "statements", "messages", "totals", "warnings"),
            (),
        )
        return CreditReport(
            provider=self.key,
            parser_version=self.parser_version,
            sha256=hashlib.sha256(raw).hexdigest(),
            reported_on=asof,
            consumer_hash="",
            consumer_identifier="",
            flags=Flags(),
            scores=(score,),
            **empty,
        )
