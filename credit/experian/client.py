"""The client of Experian's Consumer Credit Profile API, version 2, and of its prequalification product.

Methods raise only the errors of ``credit.provider``. Both products take the same request and return the same response,
so the setting ``EXPERIAN_REPORT_PATH`` alone selects one.
"""

import functools
import hashlib
import json
import os
import re
from datetime import UTC, datetime

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from compliance.outbound.errors import OutboundError, RequestNotSent, ResponseLost, ResponseTooLarge, TlsError
from credit.experian import errors, request
from credit.experian.settings import ExperianSettings
from credit.experian.tokens import TokenCache
from credit.experian.transport import ExperianTransport, Response
from credit.provider import (
    Applicant,
    BureauConfigError,
    BureauError,
    BureauResponse,
    BureauTimeout,
    BureauUnavailable,
    ConsentExpired,
    ConsentGrant,
    MalformedReport,
    Outcome,
    PullOptions,
)

UNAUTHORIZED = 401


def connect() -> "ExperianClient":
    """Return this process's client for the configured Experian environment. Raises ``BureauConfigError``."""
    return _client(ExperianSettings.from_settings(), json.dumps(settings.EXPERIAN_ERROR_RULES))


@functools.cache
def _client(settings: ExperianSettings, rows: str) -> "ExperianClient":
    return ExperianClient(settings, ExperianTransport(settings.host), errors.rules(json.loads(rows)))


# A forked child must not wait for a lock that a thread of its parent holds.
os.register_at_fork(after_in_child=_client.cache_clear)


class ExperianClient:
    """Implements ``credit.provider.BureauClient``. Threads may share one."""

    def __init__(
        self, settings: ExperianSettings, transport: ExperianTransport, rules: tuple[errors.Rule, ...] = ()
    ) -> None:
        self.settings = settings
        self._transport = transport
        self._rules = rules
        self._tokens = TokenCache(settings, transport)

    @sensitive_variables()
    def fetch(self, applicant: Applicant, consent: ConsentGrant, options: PullOptions) -> BureauResponse:
        """Request one report. After a 401, renew the token and send the request once more, but never a third time.

        The 401 comes from the gateway, before the request reaches the bureau. Raises ``BureauError``.
        """
        if not consent.is_active(datetime.now(UTC)):
            raise ConsentExpired("NO_ACTIVE_CONSENT")
        reference_id = self._reference(options)
        body = json.dumps(request.build_request(applicant, self.settings)).encode()
        token = self._tokens.get()
        response = self._post(token, body, reference_id)
        if response.status == UNAUTHORIZED:
            self._tokens.invalidate(token)
            response = self._post(self._tokens.get(), body, reference_id)
        return self._to_raw_report(response, reference_id)

    def _reference(self, options: PullOptions) -> str:
        if not re.fullmatch("[A-Za-z0-9]{1,32}", options.reference_id):
            raise BureauConfigError("REFERENCE_REFUSED")
        # Experian's own sandbox accepts only one fixed reference.
        return self.settings.reference_id or options.reference_id

    @sensitive_variables()
    def _post(self, token: str, body: bytes, reference_id: str) -> Response:
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "clientReferenceId": reference_id,
        }
        failure: BureauError
        try:
            return self._transport.post(self.settings.report_path, headers, body, seconds=self.settings.seconds)
        except OutboundError as error:
            failure = _failure(error, reference_id)
        raise failure

    @sensitive_variables()
    def _to_raw_report(self, response: Response, reference_id: str) -> BureauResponse:
        error = errors.error_from_response(response, reference_id=reference_id, extra=self._rules)
        if error is None and _is_empty_or_html(response):
            error = BureauUnavailable("NOT_JSON", reference_id=reference_id, outcome=Outcome.UNKNOWN)
        if error is not None:
            raise error
        return BureauResponse(
            body=response.body,
            content_type=response.content_type,
            http_status=response.status,
            reference_id=reference_id,
            fetched_at=datetime.now(UTC),
            provider="experian",
            endpoint=self.settings.report_path,
            inquiry_class=self.settings.inquiry_class,
            purpose=self.settings.permissible_purpose,
            sha256=hashlib.sha256(response.body).hexdigest(),
            is_sample=self.settings.is_sample,
        )


def _is_empty_or_html(response: Response) -> bool:
    """Whether a successful response is a gateway's HTML page, or empty, instead of a report."""
    return response.body.lstrip()[:1] in (b"", b"<")


def _failure(error: OutboundError, reference_id: str) -> BureauError:
    """Map a failed call to an error that says whether the bureau may have made a report."""
    match error:
        case TlsError():
            return BureauConfigError(error.code, reference_id=reference_id)
        case RequestNotSent():
            return BureauUnavailable(error.code, reference_id=reference_id)
        case ResponseTooLarge():
            return MalformedReport(error.code, reference_id=reference_id, outcome=Outcome.UNKNOWN)
        case ResponseLost():
            return BureauTimeout(error.code, reference_id=reference_id)
    raise AssertionError(type(error))
