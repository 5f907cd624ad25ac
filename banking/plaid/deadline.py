"""Calls with less time than Plaid may take, because other work waits behind them."""

import time
from typing import TYPE_CHECKING, Any

from django.views.decorators.debug import sensitive_variables

from banking.provider import TimedOut

if TYPE_CHECKING:
    from banking.plaid.transport import PlaidTransport


class DeadlineTransport:
    """Calls through another transport with ``response`` seconds for each call and ``total`` seconds for all calls."""

    def __init__(self, transport: "PlaidTransport | DeadlineTransport", *, response: float, total: float) -> None:
        self._transport = transport
        self._response_seconds = response
        self._deadline = time.monotonic() + total

    @sensitive_variables()
    def post(self, endpoint: str, fields: dict[str, Any], *, seconds: float) -> bytes:
        """Call as ``PlaidTransport.post`` does. Raises ``TimedOut`` once the total time is used up."""
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimedOut("OUT_OF_TIME")
        return self._transport.post(endpoint, fields, seconds=min(seconds, self._response_seconds, remaining))
