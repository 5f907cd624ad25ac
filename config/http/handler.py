"""The WSGI handler, with a request class that tolerates an invalid Content-Type."""

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.multipartparser import MultiPartParserError

UNREADABLE = {"charset": "unreadable"}


class LenientRequest(WSGIRequest):
    """A request with any Content-Type. ``RequestSanityMiddleware`` refuses the ones that are invalid."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Parse the type as Django does, but without its exception, which no middleware could handle."""
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # Missing in the stubs.
        except (TypeError, ValueError):
            self.content_type, self.content_params = "", UNREADABLE

    def parse_file_upload(self, META: Any, post_data: Any) -> Any:
        """Parse a multipart body. Raises ``MultiPartParserError`` also where Python cannot parse a part's headers."""
        try:
            return super().parse_file_upload(META, post_data)
        except TypeError as error:
            raise MultiPartParserError("A part of the body could not be read.") from error


class Handler(WSGIHandler):
    """Django's handler with ``LenientRequest``."""

    request_class = LenientRequest
