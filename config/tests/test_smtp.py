"""Mail servers that are silent or slow: the first request waits for a short time, and the next ones not at all."""

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


class SlowHandler(socketserver.StreamRequestHandler):
    """Sends its first ``stops_at`` lines at once, and all others byte by byte."""

    stops_at = 0

    def handle(self) -> None:
        self.server.visits += 1
        for number, line in enumerate([b"220 here\r\n", *[b"250 go on\r\n"] * 20]):
            parts = [line] if number < self.stops_at else [bytes([byte]) for byte in line]
            for part in parts:
                if len(parts) > 1 and self.server.over.wait(SECONDS / 3):
                    return
                self.wfile.write(part)
            if not self.rfile.readline():
                return


class SilentHandler(socketserver.StreamRequestHandler):
    """Accepts the connection and sends nothing."""

    def handle(self) -> None:
        self.server.visits += 1
        self.server.over.wait()


@contextmanager
def run_mail_server(handler: type[socketserver.StreamRequestHandler]) -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.visits, server.over = 0, threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.fixture(autouse=True)
def _short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "circuit_breaker", smtp.CircuitBreaker(seconds=60))
    monkeypatch.setattr(smtp, "TIME_LIMITS", {timeouts.WEB: SECONDS})
    monkeypatch.setattr(timeouts, "_timeouts", timeouts.WEB)


def send(server: socketserver.ThreadingTCPServer, *, timeout: float = 30) -> float:
    """Try to send a mail, expect an error, and return the seconds that it took."""
    backend = get_connection(
        "config.smtp.EmailBackend", host="127.0.0.1", port=server.server_address[1], timeout=timeout
    )
    started_at = time.monotonic()
    with pytest.raises((SMTPException, OSError)):
        backend.send_messages([EmailMessage("Subject", "Text", "us@plumbline.example", ["you@plumbline.example"])])
    return time.monotonic() - started_at


@pytest.mark.parametrize("stops_at", [0, 1, 3])
def test_it_gives_up_on_a_slow_server(stops_at: int) -> None:
    with run_mail_server(type("SlowHandler", (SlowHandler,), {"stops_at": stops_at})) as server:
        assert send(server) < SECONDS * 3


@pytest.mark.parametrize("timeout", [SECONDS / 2, 30])
def test_it_waits_for_a_silent_server_once(timeout: float) -> None:
    with run_mail_server(SilentHandler) as server:
        assert send(server, timeout=timeout) < SECONDS * 3
        assert send(server, timeout=timeout) < SECONDS / 2
        wait_until(lambda: server.visits == 1)


def test_it_leaves_no_thread_after_a_refusal() -> None:
    class RefusingHandler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"554 no\r\n")

    before = threading.active_count()
    with run_mail_server(RefusingHandler) as server:
        send(server)
    wait_until(lambda: threading.active_count() <= before)
    assert not smtp.circuit_breaker.is_open()


def test_it_limits_the_time_of_connections_over_tls() -> None:
    backend = get_connection("config.smtp.EmailBackend", use_ssl=True)
    assert issubclass(backend.connection_class, smtp.TimeLimitedSMTPOverTLS)
