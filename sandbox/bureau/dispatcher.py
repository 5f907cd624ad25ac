"""The steps of every call of the bureau.

In order: check the token, validate the request, find the persona, apply faults, build the report, apply faults to the
response, write the call log.
"""

import time
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from sandbox.bureau import faults, reports, request_log, requests, timelines, tokens
from sandbox.bureau.errors import BureauError
from sandbox.bureau.personas import Match, find
from sandbox.bureau.requests import ReportRequest
from sandbox.context import AppContext
from sandbox.json_codec import json_response

TOKEN, REPORT = "token", "report"
REPORT_PATHS = ("/consumerservices/credit-profile/v2/credit-report", "/consumerservices/prequal/v1/credit-report")
ERRORS_BY_MODE = {"no_hit": "no_record", "frozen_422": "frozen", "alert_list": "alert_list"}


class BureauCall:
    """One call of the bureau."""

    def __init__(self, context: AppContext, request: Request, endpoint: str) -> None:
        self.context = context
        self.request = request
        self.endpoint = endpoint
        self.persona = ""
        self.error = ""
        self.produced = False
        self.details: dict[str, Any] = {}
        self.actions: list[faults.Fault] = []
        self.started = time.monotonic()

    def respond(self) -> Response:
        """Return the response, with injected faults. It is logged even if the connection is dropped."""
        status = 0
        try:
            response = self._respond_with_faults()
            status = response.status_code
            return response
        finally:
            self._record(status)

    def _respond_with_faults(self) -> Response:
        try:
            work = self._token if self.endpoint == TOKEN else self._report
            return work()
        except BureauError as error:
            self.error = error.name
            response = json_response(error.body(), error.status)
            response.headers.update(error.headers)
            return faults.after(self.context, self.actions, response)

    def _token(self) -> Response:
        self.details = {"style": tokens.style(self.request)}
        replacement = self._before()
        if replacement is not None:
            return replacement
        return faults.after(self.context, self.actions, json_response(tokens.grant(self.context, self.request)))

    def _report(self) -> Response:
        tokens.check(self.context, self.request)
        report_request = requests.parse_request(self.request)
        match = find(report_request.surname, report_request.ssn, report_request.zip_code)
        self.persona = match.persona.id if match else ""
        self.details = _fault_context(report_request)
        replacement = self._before()
        if replacement is not None:
            return replacement
        body = self._report_for(match, report_request)
        self.produced = True
        return faults.after(self.context, self.actions, json_response(body))

    def _before(self) -> Response | None:
        """Apply faults before the call is processed; return the response that replaces its own, if any."""
        call = {"endpoint": self.endpoint, "path": self.request.path, "persona": self.persona}
        self.actions = faults.due(self.context, call)
        return faults.before(self.context, self.actions)

    def _report_for(self, match: Match | None, report_request: ReportRequest) -> dict[str, Any]:
        """Return the body for the matching persona. Raises BureauError if there is no report."""
        if match is None:
            raise BureauError("no_record")
        persona, now = match.persona, self.context.clock.now()
        mode = timelines.mode(self.context, persona)
        if mode in ERRORS_BY_MODE:
            raise BureauError(ERRORS_BY_MODE[mode])
        report_month = timelines.advance_month(self.context, persona)
        self.details["month"] = report_month.number
        if mode == "frozen":
            return reports.response_body(
                reports.frozen_profile(persona.on_file, report_month, report_request.add_ons, at=now)
            )
        if mode == "no_hit_message":
            return reports.response_body(reports.no_record(persona, report_month, report_request.add_ons, at=now))
        if mode == "empty":
            return reports.response_body()
        complete = match.complete and mode != "mismatch"
        return reports.response_body(
            reports.report(persona.on_file, report_month, report_request.add_ons, at=now, complete=complete)
        )

    def _record(self, status: int) -> None:
        headers = (value for name, value in self.request.headers if name != "Authorization")
        request_log.record(
            self.context,
            endpoint=self.endpoint,
            path=request_log.redact(self.request.path),
            status=status,
            error=self.error,
            persona=self.persona,
            produced=self.produced,
            leaked=request_log.holds_ssn(self.request.full_path, *headers),
            faults=" ".join(action["kind"] for action in self.actions),
            milliseconds=round((time.monotonic() - self.started) * 1000),
            details=self.details,
        )


def grant_token(context: AppContext, request: Request) -> Response:
    return BureauCall(context, request, TOKEN).respond()


def get_report(context: AppContext, request: Request) -> Response:
    return BureauCall(context, request, REPORT).respond()


def forward(context: AppContext, request: Request) -> Response:
    """The gateway's form of a report request: the report's URL is in ``targeturl``."""
    if urlsplit(request.args.get("targeturl", "")).path not in REPORT_PATHS:
        return refuse("no_path")
    return get_report(context, request)


def refuse(name: str) -> Response:
    """Return an error response that is not logged."""
    error = BureauError(name)
    return json_response(error.body(), error.status)


def _fault_context(report_request: ReportRequest) -> dict[str, Any]:
    """Return what may be logged of a request: which fields it has, not their values."""
    add_ons = report_request.add_ons
    return {
        "purpose": report_request.purpose,
        "subscriber": add_ons.subscriber,
        "reference": request_log.redact(report_request.reference, report_request.surname, report_request.first_name),
        "models": list(add_ons.models),
        "ssn": {0: "none", 4: "last four"}.get(len(report_request.ssn), "full"),
        "dob": {0: "none", 4: "year"}.get(len(report_request.born), "full"),
    }
