"""Calls that wait for their turn within Plaid's rate limits, and that are not made when the wait is too long."""

import copy
import itertools
import math
import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from django.views.decorators.debug import sensitive_variables

from banking.limits.call_limits import SECOND, CallLimits
from banking.limits.rates import Caller, Limits
from banking.provider import RateLimited

if TYPE_CHECKING:
    from banking.plaid.transport import PlaidTransport

# An Item's next page of a long history comes within this time. A longer wait is left to the schedule of Items.
MAX_WAIT_SECONDS: Final = 4.0
# Doubled for each further wait of a call: many wait for the same next token, and one of them gets it.
FIRST_WAIT_SECONDS: Final = 0.1
# Those that were refused together come back at different times, and not before others had their turn.
MIN_RETRY_SECONDS: Final = 15


class LimitedTransport:
    """Calls through another transport, within the limits of the client, and of the Item and the bank of its caller."""

    def __init__(
        self,
        transport: "PlaidTransport",
        call_limits: CallLimits,
        limits: Mapping[str, Limits],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = transport
        self._call_limits = call_limits
        self._limits = limits
        self._caller = Caller()
        self._sleep = sleep

    def for_caller(self, caller: Caller) -> Self:
        """Return the same for another caller."""
        transport = copy.copy(self)
        transport._caller = caller
        return transport

    @sensitive_variables()
    def post(self, endpoint: str, fields: dict[str, Any], *, seconds: float) -> bytes:
        """Call as ``PlaidTransport.post`` does, after a wait of ``seconds`` at most.

        Raises ``RateLimited`` without a call when the wait would be longer. When Plaid refuses a call, nobody calls in
        that scope until it allows calls again.
        """
        limits = self._limits.get(endpoint, Limits())
        self._wait_for_turn(endpoint, limits, min(seconds, MAX_WAIT_SECONDS))
        try:
            return self._transport.post(endpoint, fields, seconds=seconds)
        except RateLimited as error:
            seconds = vary(error.retry_after)
            self._call_limits.park(endpoint, limits, self._caller, scope=error.scope, seconds=seconds)
            raise

    def _wait_for_turn(self, endpoint: str, limits: Limits, seconds: float) -> None:
        delays = (FIRST_WAIT_SECONDS * 2**attempt for attempt in itertools.count())
        while (turn := self._call_limits.take(endpoint, limits, self._caller)).wait:
            wait = vary(max(turn.wait / SECOND, next(delays)))
            seconds -= wait
            if seconds < 0:
                retry_after = max(math.ceil(turn.wait / SECOND), MIN_RETRY_SECONDS)
                raise RateLimited("NOT_CALLED", scope=turn.scope, retry_after=retry_after)
            self._sleep(wait)


def vary(seconds: float) -> float:
    """Lengthen a time by up to a fifth, so that those who wait together do not call together."""
    return seconds * random.uniform(1, 1.2)  # noqa: S311  (spreads load, hides nothing)
