"""Pages travel compressed, and no page's length tells how well it compressed."""

import gzip
import random
import secrets

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from config.http.compression import MIN_BYTES, PageCompressionMiddleware

PAGE = "<p>Plumbline</p>" * 500


def respond(response: HttpResponseBase, accept_encoding: str = "gzip, deflate, br") -> HttpResponseBase:
    middleware = PageCompressionMiddleware(lambda request: response)
    return middleware(RequestFactory().get("/", headers={"Accept-Encoding": accept_encoding}))


def test_it_compresses_a_page_that_reads_the_same() -> None:
    response = respond(HttpResponse(PAGE))
    assert gzip.decompress(response.content).decode() == PAGE
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Content-Length"] == str(len(response.content))
    assert response.headers["Vary"] == "Accept-Encoding"
    assert len(response.content) < len(PAGE) / 10


def test_it_gives_the_same_page_different_lengths() -> None:
    assert len({len(respond(HttpResponse(PAGE)).content) for _ in range(50)}) > 10


@pytest.mark.parametrize("accept_encoding", ["", "identity", "br"])
def test_it_leaves_a_page_as_it_is_for_a_browser_without_gzip(accept_encoding: str) -> None:
    response = respond(HttpResponse(PAGE), accept_encoding)
    assert response.content.decode() == PAGE
    assert response.headers["Vary"] == "Accept-Encoding"
    assert not response.has_header("Content-Encoding")


@pytest.mark.parametrize("length", [MIN_BYTES, MIN_BYTES + 1])
def test_it_makes_no_page_longer(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "randbelow", lambda limit: limit - 1)
    content = bytes(random.Random(1).choices(range(33, 123), k=length))  # noqa: S311  (sample text)
    response = respond(HttpResponse(content))
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(response.content) < length


def test_it_leaves_what_is_compressed_already() -> None:
    content = gzip.compress(PAGE.encode())
    assert respond(HttpResponse(content, headers={"Content-Encoding": "gzip"})).content == content


def test_it_weakens_an_etag_as_django_does() -> None:
    response = respond(HttpResponse(PAGE, headers={"ETag": '"1"'}))
    assert response.headers["ETag"] == 'W/"1"'
    assert gzip.decompress(response.content).decode() == PAGE


def test_it_compresses_what_is_streamed() -> None:
    response = respond(StreamingHttpResponse([PAGE, PAGE], content_type="text/csv"))
    assert gzip.decompress(b"".join(response)).decode() == PAGE + PAGE
