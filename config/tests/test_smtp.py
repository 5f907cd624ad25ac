"""Mail servers that are silent, or answer a little at a time: nobody waits long for one, and the next not at all."""

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from smtplib import SMTPException

import pytest
from django.core.mail import EmailMessage, get_connection

from compliance import timeouts
from config import smtp
from config.tests.processes import wait_until

SECONDS = 0.6


class Slow(socketserver.StreamRequestHandler):
    """Says its lines at once up to where it stops, and from there on byte by byte."""

    stops_at = 0

    def handle(self) -> None:
        self.server.visits += 1
        for number, line in enumerate([b"220 here\r\n", *[b"250 go on\r\n"] * 20]):
            said = [line] if number < self.stops_at else [bytes([byte]) for byte in line]
            for part in said:
                if len(said) > 1 and self.server.over.wait(SECONDS / 3):
                    return
                self.wfile.write(part)
            if not self.rfile.readline():
                return


class Silent(socketserver.StreamRequestHandler):
    """Takes the connection and says nothing."""

    def handle(self) -> None:
        self.server.visits += 1
        self.server.over.wait()


@contextmanager
def mail_server(handler: type[socketserver.StreamRequestHandler]) -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.visits, server.over = 0, threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "circuit_breaker", smtp.CircuitBreaker(seconds=60))
    monkeypatch.setattr(smtp, "TIME_LIMITS", {timeouts.WEB: SECONDS})
    monkeypatch.setattr(timeouts, "_timeouts", timeouts.WEB)


def send(server: socketserver.ThreadingTCPServer, *, timeout: float = 30) -> float:
    """Try to send a mail, in vain, and tell how long it took."""
    backend = get_connection(
        "config.smtp.EmailBackend", host="127.0.0.1", port=server.server_address[1], timeout=timeout
    )
    began = time.monotonic()
    with pytest.raises((SMTPException, OSError)):
        backend.send_messages([EmailMessage("Subject", "Text", "us@plumbline.example", ["you@plumbline.example"])])
    return time.monotonic() - began


@pytest.mark.parametrize("stops_at", [0, 1, 3])
def test_it_hangs_up_on_a_server_that_drips(stops_at: int) -> None:
    with mail_server(type("Slow", (Slow,), {"stops_at": stops_at})) as server:
        assert send(server) < SECONDS * 3


@pytest.mark.parametrize("timeout", [SECONDS / 2, 30])
def test_it_waits_for_a_silent_server_once(timeout: float) -> None:
    with mail_server(Silent) as server:
        assert send(server, timeout=timeout) < SECONDS * 3
        assert send(server, timeout=timeout) < SECONDS / 2
        wait_until(lambda: server.visits == 1)


def test_it_leaves_nobody_watching_a_server_that_refuses() -> None:
    class Refusing(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"554 no\r\n")

    before = threading.active_count()
    with mail_server(Refusing) as server:
        send(server)
    wait_until(lambda: threading.active_count() <= before)
    assert not smtp.circuit_breaker.is_open()


def test_it_is_what_the_site_sends_mail_by() -> None:
    backend = get_connection("config.smtp.EmailBackend", use_ssl=True)
    assert issubclass(backend.connection_class, smtp.TimeLimitedSMTPOverTLS)
