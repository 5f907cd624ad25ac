"""The way in: an SMTP server on this machine that accepts every mail and passes none on."""

import logging
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from sandbox.context import AppContext
from sandbox.mailbox import mails

LARGEST = 2 * 1024 * 1024


class Postbox:
    """What aiosmtpd calls for each mail it has taken in."""

    def __init__(self, context: AppContext) -> None:
        self._world = context

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        """Keep the mail. The name and the answer's form are aiosmtpd's."""
        raw = envelope.content
        content = raw.encode() if isinstance(raw, str) else raw or b""
        mails.keep(self._world, sender=envelope.mail_from or "", recipients=list(envelope.rcpt_tos), raw=content)
        return "250 Message kept"


def listen(context: AppContext, port: int) -> Controller:
    """Take mail at 127.0.0.1:``port`` in a thread of its own; ``stop()`` the answer to end it.

    Mails over ``LARGEST`` bytes are refused with SMTP code 552. Raises OSError if the port is taken.
    """
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd would log every address
    controller = Controller(
        Postbox(context), hostname="127.0.0.1", port=port, data_size_limit=LARGEST, ident="Plumbline sandbox"
    )
    controller.start()
    return controller
