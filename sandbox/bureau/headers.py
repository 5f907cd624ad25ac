"""Headers with an underscore in their name, which the bureau's token endpoint takes and web servers throw away.

A name with an underscore looks like the one with a dash once it has reached the application, so servers drop it
rather than let one pass for the other. Three such names belong to the bureau's dialect; they are let in, by the name
with a dash.
"""

import re
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser

NAMES = (b"client_id", b"client_secret", b"grant_type")
UNDERSCORED = re.compile(rb"(?im)^(%s)(?=[ \t]*:)" % b"|".join(NAMES))


class Parser(HTTPRequestParser):
    """A parser that knows the bureau's three names."""

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the first line and the headers."""
        super().parse_header(UNDERSCORED.sub(lambda name: name[0].replace(b"_", b"-"), header_plus))


class Channel(HTTPChannel):
    """A connection that is read with that parser."""

    parser_class = Parser


def let_in(server: Any) -> None:
    """Make a waitress server take the three headers."""
    server.channel_class = Channel
