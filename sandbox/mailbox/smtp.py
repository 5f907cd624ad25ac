"""A local SMTP server that accepts every mail and forwards none."""

import logging
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from sandbox.context import AppContext
from sandbox.mailbox import mails

LARGEST = 2 * 1024 * 1024


class MailHandler:
    """The handler that aiosmtpd calls for each mail."""

    def __init__(self, context: AppContext) -> None:
        self._context = context

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        """Store the mail. The name and the return value are aiosmtpd's interface."""
        raw = envelope.content
        content = raw.encode() if isinstance(raw, str) else raw or b""
        mails.keep(self._context, sender=envelope.mail_from or "", recipients=list(envelope.rcpt_tos), raw=content)
        return "250 Message kept"


def listen(context: AppContext, port: int) -> Controller:
    """Receive mail at 127.0.0.1:``port`` in a thread of its own, until the returned controller's ``stop()``.

    Mails of more than ``LARGEST`` bytes are refused with SMTP code 552. Raises OSError if the port is in use.
    """
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd would log every address
    controller = Controller(
        MailHandler(context), hostname="127.0.0.1", port=port, data_size_limit=LARGEST, ident="Plumbline sandbox"
    )
    controller.start()
    return controller
