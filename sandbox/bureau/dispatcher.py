"""The gate: what happens to every call of the bureau, whatever it asks.

In order: the token, the request, the person, faults, the report, faults again, the call log.
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
REFUSING = {"no_hit": "no_record", "frozen_422": "frozen", "alert_list": "alert_list"}


class BureauCall:
    """One call on its way through the gate."""

    def __init__(self, context: AppContext, request: Request, endpoint: str) -> None:
        self.context = context
        self.request = request
        self.endpoint = endpoint
        self.persona = ""
        self.error = ""
        self.produced = False
        self.facts: dict[str, Any] = {}
        self.actions: list[faults.Fault] = []
        self.started = time.monotonic()

    def respond(self) -> Response:
        """The answer, with injected faults, noted in the log even if the connection is dropped."""
        status = 0
        try:
            answer = self._respond_with_faults()
            status = answer.status_code
            return answer
        finally:
            self._record(status)

    def _respond_with_faults(self) -> Response:
        try:
            work = self._token if self.endpoint == TOKEN else self._report
            return work()
        except BureauError as error:
            self.error = error.name
            answer = json_response(error.body(), error.status)
            answer.headers.update(error.headers)
            return faults.after(self.context, self.actions, answer)

    def _token(self) -> Response:
        self.facts = {"style": tokens.style(self.request)}
        replacement = self._before()
        if replacement is not None:
            return replacement
        return faults.after(self.context, self.actions, json_response(tokens.grant(self.context, self.request)))

    def _report(self) -> Response:
        tokens.check(self.context, self.request)
        wanted = requests.parse_request(self.request)
        match = find(wanted.surname, wanted.ssn, wanted.zip_code)
        self.persona = match.persona.id if match else ""
        self.facts = _fault_context(wanted)
        replacement = self._before()
        if replacement is not None:
            return replacement
        body = self._report_for(match, wanted)
        self.produced = True
        return faults.after(self.context, self.actions, json_response(body))

    def _before(self) -> Response | None:
        """What faults make of the call before any work is done."""
        facts = {"endpoint": self.endpoint, "path": self.request.path, "persona": self.persona}
        self.actions = faults.due(self.context, facts)
        return faults.before(self.context, self.actions)

    def _report_for(self, match: Match | None, wanted: ReportRequest) -> dict[str, Any]:
        """What the bureau says about whom it found. Raises BureauError where that is nothing."""
        if match is None:
            raise BureauError("no_record")
        persona, now = match.persona, self.context.clock.now()
        mode = timelines.mode(self.context, persona)
        if mode in REFUSING:
            raise BureauError(REFUSING[mode])
        page = timelines.advance_month(self.context, persona)
        self.facts["month"] = page.number
        if mode == "frozen":
            return reports.response_body(reports.frozen_profile(persona.on_file, page, wanted.add_ons, at=now))
        if mode == "no_hit_message":
            return reports.response_body(reports.no_record(persona, page, wanted.add_ons, at=now))
        if mode == "empty":
            return reports.response_body()
        complete = match.complete and mode != "mismatch"
        return reports.response_body(reports.report(persona.on_file, page, wanted.add_ons, at=now, complete=complete))

    def _record(self, status: int) -> None:
        headers = (value for name, value in self.request.headers if name != "Authorization")
        request_log.note(
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
            facts=self.facts,
        )


def grant_token(context: AppContext, request: Request) -> Response:
    """Answer one request for a token."""
    return BureauCall(context, request, TOKEN).respond()


def tell_report(context: AppContext, request: Request) -> Response:
    """Answer one request for a report."""
    return BureauCall(context, request, REPORT).respond()


def forward(context: AppContext, request: Request) -> Response:
    """The gateway's form: the address of the report stands in ``targeturl``."""
    if urlsplit(request.args.get("targeturl", "")).path not in REPORT_PATHS:
        return refuse("no_path")
    return tell_report(context, request)


def refuse(name: str) -> Response:
    """An error that no call log needs to know."""
    error = BureauError(name)
    return json_response(error.body(), error.status)


def _fault_context(wanted: ReportRequest) -> dict[str, Any]:
    """What the log may keep of a request: how much was told, not what."""
    add_ons = wanted.add_ons
    return {
        "purpose": wanted.purpose,
        "subscriber": add_ons.subscriber,
        "reference": request_log.redact(wanted.reference, wanted.surname, wanted.first_name),
        "models": list(add_ons.models),
        "ssn": {0: "none", 4: "last four"}.get(len(wanted.ssn), "full"),
        "dob": {0: "none", 4: "year"}.get(len(wanted.born), "full"),
    }
