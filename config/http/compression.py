"""Compress pages with gzip, in less time than Django's middleware takes."""

import secrets
from gzip import GzipFile
from io import BytesIO
from typing import Final, TypeGuard

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.utils.cache import patch_vary_headers

# Of an overview of 50,007 bytes, level 6, which is Django's, makes 10,438 in 0.69 ms, and level 4 makes 10,943 in
# 0.28 ms. The whole page takes 10 ms.
LEVEL: Final = 4
# Text of this length is always longer than compressed, random bytes included.
MIN_BYTES: Final = 1_000
ZIP: Final = "application/zip"


class PageCompressionMiddleware(GZipMiddleware):
    """Compresses pages at a lower level than Django, and leaves every other response to Django.

    As in Django, a random number of bytes hides how well a page compresses, from which an attacker could infer what is
    in it (BREACH).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress a page if the browser accepts gzip. A ZIP file is compressed already, and keeps its length."""
        if response.headers.get("Content-Type") == ZIP:
            return response
        if is_page(response) and re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", "")):
            patch_vary_headers(response, ("Accept-Encoding",))
            response.content = compress(response.content, max_random_bytes=self.max_random_bytes)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.content))
        compressed: HttpResponseBase = super().process_response(request, response)
        return compressed


def is_page(response: HttpResponseBase) -> TypeGuard[HttpResponse]:
    """Whether this is a page as our views return it: HTML in one piece, not encoded and without an ETag."""
    return (
        isinstance(response, HttpResponse)
        and len(response.content) >= MIN_BYTES
        and response.headers.get("Content-Type", "").startswith("text/html")
        and not response.has_header("Content-Encoding")
        and not response.has_header("ETag")
    )


def compress(content: bytes, *, max_random_bytes: int) -> bytes:
    """Compress, with a file name of random length in the header of gzip."""
    compressed = BytesIO()
    name = "a" * secrets.randbelow(max_random_bytes)
    with GzipFile(name, "wb", LEVEL, compressed, mtime=0) as file:
        file.write(content)
    return compressed.getvalue()
