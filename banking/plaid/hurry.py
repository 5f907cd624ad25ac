"""Calls that have less time than Plaid may take, because somebody waits behind them."""

import time
from typing import TYPE_CHECKING, Any

from django.views.decorators.debug import sensitive_variables

from banking.provider import TimedOut

if TYPE_CHECKING:
    from banking.plaid.transport import Transport


class HurriedTransport:
    """Calls through another transport, and gives it ``answer`` seconds for each call and ``whole`` seconds for all."""

    def __init__(self, transport: "Transport | HurriedTransport", *, answer: float, whole: float) -> None:
        self._transport = transport
        self._answer = answer
        self._ends = time.monotonic() + whole

    @sensitive_variables()
    def post(self, endpoint: str, fields: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Call as ``Transport.post`` does. Raises ``TimedOut`` once all the time is used up."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimedOut("OUT_OF_TIME")
        return self._transport.post(endpoint, fields, seconds=min(seconds, self._answer, left))
