"""Experian as credit's bureau: its Consumer Credit Profile API, version 2, and its prequalification sibling.

Methods raise the errors of ``credit.provider`` and nothing else. Both products take the same request and give
the same response, so the path alone, a setting, decides between them.
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
    BureauAnswer,
    BureauConfigError,
    BureauError,
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
    """Return this process's client for the Experian that the settings name. Raises ``BureauConfigError``."""
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
    def fetch(self, applicant: Applicant, consent: ConsentGrant, options: PullOptions) -> BureauAnswer:
        """Ask for one report. After a 401 the token is renewed and the request sent once more, and never again.

        The 401 comes from the gateway, which has not passed the request on. Raises ``BureauError``.
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
        # Experian's own sandbox knows one reference and no other.
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
    def _to_raw_report(self, response: Response, reference_id: str) -> BureauAnswer:
        refused = errors.error_from_response(response, reference_id=reference_id, extra=self._rules)
        if refused is None and _is_page(response):
            refused = BureauUnavailable("NOT_JSON", reference_id=reference_id, outcome=Outcome.UNKNOWN)
        if refused is not None:
            raise refused
        return BureauAnswer(
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


def _is_page(response: Response) -> bool:
    """Whether the response is a gateway's page, or nothing at all, under a status that promises a report."""
    return response.body.lstrip()[:1] in (b"", b"<")


def _failure(error: OutboundError, reference_id: str) -> BureauError:
    """Say what a failed call leaves behind: nothing, or a report that may have been made."""
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
