"""Experian as credit's bureau: its Consumer Credit Profile API, version 2, and its prequalification sibling.

Methods raise the errors of ``credit.provider`` and nothing else. Both products take the same request and give
the same answer, so the path alone, a setting, decides between them.
"""

import functools
import hashlib
import json
import os
import re
from datetime import UTC, datetime

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from credit.experian import errors, request
from credit.experian.profile import Profile
from credit.experian.tokens import TokenKeeper
from credit.experian.transport import Answer, Failure, Lost, NotSent, TooLarge, Transport, Untrusted
from credit.provider import (
    BureauConfigError,
    BureauError,
    BureauTimeout,
    BureauUnavailable,
    ConsentGrant,
    ConsentLapsed,
    MalformedReport,
    Outcome,
    PullOptions,
    RawReport,
    Subject,
)

UNAUTHORIZED = 401


def connect() -> "ExperianClient":
    """Return this process's client for the Experian that the settings name. Raises ``BureauConfigError``."""
    return _client(Profile.from_settings(), json.dumps(settings.EXPERIAN_ERROR_RULES))


@functools.cache
def _client(profile: Profile, rows: str) -> "ExperianClient":
    return ExperianClient(profile, Transport(profile.host), errors.rules(json.loads(rows)))


# A forked child must not wait for a lock that a thread of its parent holds.
os.register_at_fork(after_in_child=_client.cache_clear)


class ExperianClient:
    """Implements ``credit.provider.BureauClient``. Threads may share one."""

    def __init__(self, profile: Profile, transport: Transport, rules: tuple[errors.Rule, ...] = ()) -> None:
        self.profile = profile
        self._transport = transport
        self._rules = rules
        self._tokens = TokenKeeper(profile, transport)

    @sensitive_variables()
    def fetch(self, subject: Subject, consent: ConsentGrant, options: PullOptions) -> RawReport:
        """Ask for one report. After a 401 the token is renewed and the request sent once more, and never again.

        The 401 comes from the gateway, which has not passed the request on. Raises ``BureauError``.
        """
        if not consent.is_living(datetime.now(UTC)):
            raise ConsentLapsed("NO_LIVING_CONSENT")
        reference_id = self._reference(options)
        body = json.dumps(request.compose(subject, self.profile)).encode()
        token = self._tokens.get()
        answer = self._ask(token, body, reference_id)
        if answer.status == UNAUTHORIZED:
            self._tokens.drop(token)
            answer = self._ask(self._tokens.get(), body, reference_id)
        return self._kept(answer, reference_id)

    def _reference(self, options: PullOptions) -> str:
        if not re.fullmatch("[A-Za-z0-9]{1,32}", options.reference_id):
            raise BureauConfigError("REFERENCE_REFUSED")
        # Experian's own sandbox knows one reference and no other.
        return self.profile.reference_id or options.reference_id

    @sensitive_variables()
    def _ask(self, token: str, body: bytes, reference_id: str) -> Answer:
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "clientReferenceId": reference_id,
        }
        failure: BureauError
        try:
            return self._transport.post(self.profile.report_path, headers, body, seconds=self.profile.seconds)
        except Failure as error:
            failure = _failure(error, reference_id)
        raise failure

    @sensitive_variables()
    def _kept(self, answer: Answer, reference_id: str) -> RawReport:
        refused = errors.refusal(answer, reference_id=reference_id, extra=self._rules)
        if refused is None and _is_page(answer):
            refused = BureauUnavailable("NOT_JSON", reference_id=reference_id, outcome=Outcome.UNKNOWN)
        if refused is not None:
            raise refused
        return RawReport(
            body=answer.body,
            content_type=answer.content_type,
            http_status=answer.status,
            reference_id=reference_id,
            fetched_at=datetime.now(UTC),
            provider="experian",
            endpoint=self.profile.report_path,
            inquiry_class=self.profile.inquiry_class,
            purpose=self.profile.permissible_purpose,
            sha256=hashlib.sha256(answer.body).hexdigest(),
            is_sample=self.profile.is_sample,
        )


def _is_page(answer: Answer) -> bool:
    """Whether the answer is a gateway's page, or nothing at all, under a status that promises a report."""
    return answer.body.lstrip()[:1] in (b"", b"<")


def _failure(error: Failure, reference_id: str) -> BureauError:
    """Say what a failed call leaves behind: nothing, or a report that may have been made."""
    match error:
        case Untrusted():
            return BureauConfigError(error.code, reference_id=reference_id)
        case NotSent():
            return BureauUnavailable(error.code, reference_id=reference_id)
        case TooLarge():
            return MalformedReport(error.code, reference_id=reference_id, outcome=Outcome.UNKNOWN)
        case Lost():
            return BureauTimeout(error.code, reference_id=reference_id)
    raise AssertionError(type(error))
