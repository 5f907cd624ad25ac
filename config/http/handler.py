"""The request that the web server's head is read into."""

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.multipartparser import MultiPartParserError

UNREADABLE = {"charset": "unreadable"}


class LenientRequest(WSGIRequest):
    """A request whose Content-Type may be anything; ``RequestSanityMiddleware`` refuses what cannot be read."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Read the type as Django does, which raises before any middleware for what it cannot take apart."""
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # The stubs leave it out.
        except (TypeError, ValueError):
            self.content_type, self.content_params = "", UNREADABLE

    def parse_file_upload(self, META: Any, post_data: Any) -> Any:
        """Read a body in parts. Raises ``MultiPartParserError``, also where Python stumbles over a part's head."""
        try:
            return super().parse_file_upload(META, post_data)
        except TypeError as error:
            raise MultiPartParserError("A part of the body could not be read.") from error


class Handler(WSGIHandler):
    """Django's, with that request."""

    request_class = LenientRequest
