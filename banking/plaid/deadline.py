"""Calls with less time than Plaid may take, because other work waits behind them."""

import copy
import time
from typing import Any, Self

from django.views.decorators.debug import sensitive_variables

from banking.limits.rates import Caller
from banking.plaid.limits.limited_transport import LimitedTransport
from banking.provider import TimedOut


class DeadlineTransport:
    """Calls through another transport with ``response`` seconds for each call and ``total`` seconds for all calls."""

    def __init__(self, transport: "LimitedTransport | DeadlineTransport", *, response: float, total: float) -> None:
        self._transport = transport
        self._response_seconds = response
        self._deadline = time.monotonic() + total

    def for_caller(self, caller: Caller) -> Self:
        """Return the same with the same deadline, for another caller."""
        transport = copy.copy(self)
        transport._transport = self._transport.for_caller(caller)
        return transport

    @sensitive_variables()
    def post(self, endpoint: str, fields: dict[str, Any], *, seconds: float) -> bytes:
        """Call as ``PlaidTransport.post`` does. Raises ``TimedOut`` once the total time is used up."""
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimedOut("OUT_OF_TIME")
        return self._transport.post(endpoint, fields, seconds=min(seconds, self._response_seconds, remaining))
