"""The gate: what happens to every call of the bureau, whatever it asks.

In order: the token, the request, the person, faults, the report, faults again, the call log.
"""

import time
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from sandbox.bureau import calls, faults, reports, requests, stories, tokens
from sandbox.bureau.errors import BureauError
from sandbox.bureau.personas import Match, find
from sandbox.bureau.requests import Wanted
from sandbox.wire import json_response
from sandbox.world import World

TOKEN, REPORT = "token", "report"
REPORT_PATHS = ("/consumerservices/credit-profile/v2/credit-report", "/consumerservices/prequal/v1/credit-report")
REFUSING = {"no_hit": "no_record", "frozen_422": "frozen", "alert_list": "alert_list"}


class Call:
    """One call on its way through the gate."""

    def __init__(self, world: World, request: Request, endpoint: str) -> None:
        self.world = world
        self.request = request
        self.endpoint = endpoint
        self.persona = ""
        self.error = ""
        self.produced = False
        self.facts: dict[str, Any] = {}
        self.actions: list[faults.Fault] = []
        self.started = time.monotonic()

    def answer(self) -> Response:
        """The answer, with injected faults, noted in the log even if the connection is dropped."""
        status = 0
        try:
            answer = self._faulty()
            status = answer.status_code
            return answer
        finally:
            self._note(status)

    def _faulty(self) -> Response:
        try:
            work = self._token if self.endpoint == TOKEN else self._report
            return work()
        except BureauError as error:
            self.error = error.name
            answer = json_response(error.body(), error.status)
            answer.headers.update(error.headers)
            return faults.after(self.world, self.actions, answer)

    def _token(self) -> Response:
        self.facts = {"style": tokens.style(self.request)}
        instead = self._before()
        if instead is not None:
            return instead
        return faults.after(self.world, self.actions, json_response(tokens.grant(self.world, self.request)))

    def _report(self) -> Response:
        tokens.check(self.world, self.request)
        wanted = requests.wanted(self.request)
        match = find(wanted.surname, wanted.ssn, wanted.zip_code)
        self.persona = match.persona.id if match else ""
        self.facts = _facts(wanted)
        instead = self._before()
        if instead is not None:
            return instead
        body = self._told(match, wanted)
        self.produced = True
        return faults.after(self.world, self.actions, json_response(body))

    def _before(self) -> Response | None:
        """What faults make of the call before any work is done."""
        facts = {"endpoint": self.endpoint, "path": self.request.path, "persona": self.persona}
        self.actions = faults.due(self.world, facts)
        return faults.before(self.world, self.actions)

    def _told(self, match: Match | None, wanted: Wanted) -> dict[str, Any]:
        """What the bureau says about whom it found. Raises BureauError where that is nothing."""
        if match is None:
            raise BureauError("no_record")
        persona, now = match.persona, self.world.clock.now()
        mode = stories.mode(self.world, persona)
        if mode in REFUSING:
            raise BureauError(REFUSING[mode])
        page = stories.turn(self.world, persona)
        self.facts["month"] = page.number
        if mode == "frozen":
            return reports.answer(reports.frozen(persona.on_file, page, wanted.asked, at=now))
        if mode == "no_hit_message":
            return reports.answer(reports.no_record(persona, page, wanted.asked, at=now))
        if mode == "empty":
            return reports.answer()
        complete = match.complete and mode != "mismatch"
        return reports.answer(reports.report(persona.on_file, page, wanted.asked, at=now, complete=complete))

    def _note(self, status: int) -> None:
        headers = (value for name, value in self.request.headers if name != "Authorization")
        calls.note(
            self.world,
            endpoint=self.endpoint,
            path=calls.redacted(self.request.path),
            status=status,
            error=self.error,
            persona=self.persona,
            produced=self.produced,
            leaked=calls.holds_ssn(self.request.full_path, *headers),
            faults=" ".join(action["kind"] for action in self.actions),
            milliseconds=round((time.monotonic() - self.started) * 1000),
            facts=self.facts,
        )


def grant_token(world: World, request: Request) -> Response:
    """Answer one request for a token."""
    return Call(world, request, TOKEN).answer()


def tell_report(world: World, request: Request) -> Response:
    """Answer one request for a report."""
    return Call(world, request, REPORT).answer()


def forward(world: World, request: Request) -> Response:
    """The gateway's form: the address of the report stands in ``targeturl``."""
    if urlsplit(request.args.get("targeturl", "")).path not in REPORT_PATHS:
        return refuse("no_path")
    return tell_report(world, request)


def refuse(name: str) -> Response:
    """An error that no call log needs to know."""
    error = BureauError(name)
    return json_response(error.body(), error.status)


def _facts(wanted: Wanted) -> dict[str, Any]:
    """What the log may keep of a request: how much was told, not what."""
    asked = wanted.asked
    return {
        "purpose": wanted.purpose,
        "subscriber": asked.subscriber,
        "reference": calls.redacted(wanted.reference, wanted.surname, wanted.first_name),
        "models": list(asked.models),
        "ssn": {0: "none", 4: "last four"}.get(len(wanted.ssn), "full"),
        "dob": {0: "none", 4: "year"}.get(len(wanted.born), "full"),
    }
