"""Headers with an underscore in their name, which the bureau's token endpoint needs and web servers drop.

WSGI cannot tell a name with an underscore from the one with a dash, so servers drop it against header spoofing. The
bureau uses three such names; they are accepted here under the name with a dash.
"""

import re
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser

NAMES = (b"client_id", b"client_secret", b"grant_type")
UNDERSCORED = re.compile(rb"(?im)^(%s)(?=[ \t]*:)" % b"|".join(NAMES))


class Parser(HTTPRequestParser):
    """A parser that accepts the bureau's three names."""

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(UNDERSCORED.sub(lambda name: name[0].replace(b"_", b"-"), header_plus))


class Channel(HTTPChannel):
    """A connection with that parser."""

    parser_class = Parser


def allow_underscores(server: Any) -> None:
    """Make a waitress server accept the three headers."""
    server.channel_class = Channel
