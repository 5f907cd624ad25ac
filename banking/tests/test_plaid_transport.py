import datetime
import gzip
import ipaddress
import json
import os
import socket
import ssl
import sys
import traceback

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.views.debug import ExceptionReporter

from banking.plaid import responses
from banking.plaid import transport as transport_module
from banking.plaid.client import PlaidClient
from banking.plaid.settings import PlaidSettings
from banking.plaid.transport import PlaidTransport
from banking.provider import (
    LoginRequired,
    MalformedResponse,
    ProviderConfigurationError,
    ProviderError,
    RateLimited,
    TimedOut,
    Unavailable,
)
from banking.tests.scripted_server import http_response, no_response, raw_response, scripted_server, slow_response

TOKEN = "access-sandbox-CANARYTOKEN"
SECRET = "CANARYSECRET"
HERE = ipaddress.ip_address("127.0.0.1")
REFUSED = {"error_type": "ITEM_ERROR", "error_code": "ITEM_LOGIN_REQUIRED", "error_message": TOKEN}


@pytest.fixture
def server():
    with scripted_server() as running:
        yield running


@pytest.fixture
def transport(server):
    return PlaidTransport(host=server.url, client_id="client", secret=SECRET)


def ask(transport, seconds=5.0, **fields):
    return transport.post("accounts_get", {"access_token": TOKEN, **fields}, seconds=seconds)


def ask_and_parse(transport):
    return responses.parse_removal(ask(transport, seconds=0.3))


def test_it_sends_the_keys_in_headers_and_the_fields_as_json(server, transport):
    server.respond_with(http_response({"request_id": "r"}))
    ask(transport)
    [request] = server.requests
    assert request.path == "/accounts/get"
    assert request.fields == {"access_token": TOKEN}
    assert (request.headers["plaid-client-id"], request.headers["plaid-secret"]) == ("client", SECRET)
    assert request.headers["plaid-version"] == "2020-09-14"


def test_it_returns_the_bytes_as_sent(server, transport):
    body = b'{"a": 90071992547409.93, "b": -0.008902867462305952, "c": "Caf\\ud83d", "d": 1e2}'
    server.respond_with(http_response(body))
    assert ask(transport) == body


def test_it_reads_a_large_answer_whole(server, transport):
    server.respond_with(http_response({"text": "x" * 3_000_000}))
    assert len(ask(transport)) > 3_000_000


def test_it_reads_compressed_and_chunked_answers(server, transport):
    server.respond_with(
        http_response(gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"),
        raw_response(b'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n'),
    )
    assert ask(transport) == b'{"a": 1}'
    assert ask(transport) == b'{"a": 1}'


TRANSPORT_FAULTS = {
    "html instead of an answer": (http_response(b"<html>hello</html>"), Unavailable, "NOT_JSON"),
    "nothing instead of an answer": (http_response(b""), Unavailable, "NOT_JSON"),
    "a list instead of an object": (http_response(b"[]"), Unavailable, "NOT_JSON"),
    "an answer cut in the middle": (http_response(f'{{"access_token": "{TOKEN}'.encode()), Unavailable, "NOT_JSON"),
    "an answer that is not UTF-8": (http_response(b'{"a": "\xff\xfe"}'), Unavailable, "NOT_JSON"),
    "an answer nested without end": (http_response(b'{"a":' + b"[" * 100_000), Unavailable, "NOT_JSON"),
    "NaN": (http_response(b'{"amount": NaN}'), MalformedResponse, "BAD_NUMBER"),
    "infinity": (http_response(b'{"amount": -Infinity}'), MalformedResponse, "BAD_NUMBER"),
    "a number of 5,000 digits": (
        http_response(b'{"request_id": ' + b"9" * 5000 + b"}"),
        MalformedResponse,
        "BAD_NUMBER",
    ),
    "an unthinkable exponent": (
        http_response(b'{"request_id": 1.0e99999999999999999999}'),
        MalformedResponse,
        "BAD_NUMBER",
    ),
    "a refusal": (http_response(REFUSED, status=400), LoginRequired, "ITEM_LOGIN_REQUIRED"),
    "a refusal with a success status": (http_response(REFUSED, status=208), LoginRequired, "ITEM_LOGIN_REQUIRED"),
    "a proxy's error page": (http_response(b"<h1>Bad gateway</h1>", status=502), Unavailable, "HTTP_502"),
    "an empty error": (http_response(b"", status=500), Unavailable, "HTTP_500"),
    "an error that is not UTF-8": (http_response(b"\xff\xfe\x00", status=500), Unavailable, "NOT_JSON"),
    "a connection closed without a byte": (raw_response(b""), Unavailable, "CONNECTION_LOST"),
    "a connection closed within headers": (raw_response(b"HTTP/1.1 200 OK\r\nContent-"), Unavailable, "NOT_JSON"),
    "a connection closed within the answer": (
        raw_response(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"a": 1'),
        Unavailable,
        "CONNECTION_LOST",
    ),
    "a connection closed within a chunk": (
        raw_response(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"a": 1'),
        Unavailable,
        "CONNECTION_LOST",
    ),
    "a connection closed within a refusal": (
        raw_response(b'HTTP/1.1 400 Bad\r\nContent-Length: 500\r\n\r\n{"error_code": '),
        Unavailable,
        "CONNECTION_LOST",
    ),
    "another protocol": (raw_response(b"SSH-2.0-OpenSSH_9.6\r\n"), Unavailable, "CONNECTION_LOST"),
    "broken compression": (http_response(b"not gzip", Content_Encoding="gzip"), Unavailable, "CONNECTION_LOST"),
    "silence": (no_response, TimedOut, "TIMEOUT"),
}


@pytest.mark.parametrize("fault", TRANSPORT_FAULTS)
def test_it_names_every_way_an_answer_can_fail(server, transport, fault):
    script, expected, code = TRANSPORT_FAULTS[fault]
    server.respond_with(script)
    with pytest.raises(ProviderError) as caught:
        ask_and_parse(transport)
    assert type(caught.value) is expected
    assert caught.value.code == code
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", TRANSPORT_FAULTS)
def test_it_lets_no_secret_out_with_an_error(server, transport, fault):
    server.respond_with(TRANSPORT_FAULTS[fault][0])
    with pytest.raises(ProviderError) as caught:
        ask_and_parse(transport)
    error = caught.value
    told = [repr(error), str(error), repr(vars(error)), repr(error.args), *traceback.format_exception(error)]
    assert "CANARY" not in "".join(told)
    assert error.__cause__ is None
    assert error.__context__ is None


def test_it_answers_well_again_after_a_fault(server, transport):
    server.respond_with(raw_response(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"a'), http_response({"a": 2}))
    with pytest.raises(Unavailable):
        ask(transport)
    assert json.loads(ask(transport)) == {"a": 2}


def test_it_gives_up_an_answer_that_only_trickles(server, transport, monkeypatch):
    # No single read times out, so only the deadline of the whole call can end it.
    monkeypatch.setattr(transport_module, "CONNECT_SECONDS", 0.1)
    server.respond_with(slow_response)
    with pytest.raises(Unavailable) as caught:
        ask(transport, seconds=1.0)
    assert caught.value.code == "TIMEOUT"


@pytest.mark.parametrize("status", [200, 500])
def test_it_gives_up_an_answer_without_end(server, transport, monkeypatch, status):
    monkeypatch.setattr(transport_module, "MAX_BYTES", 10_000)
    server.respond_with(http_response(b'{"a": "' + b"x" * 10_000 + b'"}', status=status))
    with pytest.raises(MalformedResponse) as caught:
        ask(transport)
    assert caught.value.code == "RESPONSE_TOO_LARGE"


def test_it_measures_a_compressed_answer_unpacked(server, transport):
    server.respond_with(http_response(gzip.compress(b" " * 20_000_000), Content_Encoding="gzip"))
    with pytest.raises(MalformedResponse) as caught:
        ask(transport)
    assert caught.value.code == "RESPONSE_TOO_LARGE"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_it_never_follows_a_redirect(server, transport, status):
    with scripted_server() as elsewhere:
        elsewhere.respond_with(http_response({"a": 1}))
        server.respond_with(http_response(b"", status=status, Location=f"{elsewhere.url}/accounts/get"))
        with pytest.raises(ProviderConfigurationError) as caught:
            ask(transport)
        assert elsewhere.requests == []
    assert caught.value.code == f"HTTP_{status}"


def test_it_never_repeats_a_call_by_itself(server, transport):
    server.respond_with(http_response(b"busy", status=503, Retry_After="0"))
    with pytest.raises(Unavailable):
        ask(transport)
    assert len(server.requests) == 1


def test_it_passes_on_how_long_to_wait(server, transport):
    limited = {"error_type": "RATE_LIMIT_EXCEEDED", "error_code": "ACCOUNTS_LIMIT"}
    server.respond_with(http_response(limited, status=429, Retry_After="9"))
    with pytest.raises(RateLimited) as caught:
        ask(transport)
    assert caught.value.retry_after == 9


def test_it_says_that_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(Unavailable) as caught:
        ask(PlaidTransport(host=f"http://127.0.0.1:{port}", client_id="client", secret=SECRET))
    assert caught.value.code == "NOT_CONNECTED"


def test_it_refuses_a_request_that_plaid_would_refuse(server, transport):
    with pytest.raises(ProviderConfigurationError) as caught:
        transport.post("transactions_sync", {"access_token": TOKEN, "count": 501}, seconds=5)
    assert caught.value.code == "REQUEST_REFUSED_BY_SDK"
    assert caught.value.__context__ is None
    assert server.requests == []


# --- TLS --------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for 127.0.0.1, as the path of a PEM file with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plaid.test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(HERE)]), False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = tmp_path / "server.pem"
    path.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
    return str(path)


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_it_sends_nothing_to_a_host_whose_certificate_does_not_hold(tls):
    with scripted_server(tls) as server:
        with pytest.raises(ProviderConfigurationError) as caught:
            ask(PlaidTransport(host=server.url, client_id="client", secret=SECRET))
        assert server.requests == []
    assert caught.value.code == "CERTIFICATE_REFUSED"


def test_it_trusts_what_the_system_trusts(tls, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    with scripted_server(tls) as server:
        server.respond_with(http_response({"a": 1}))
        body = ask(PlaidTransport(host=server.url, client_id="client", secret=SECRET))
        assert json.loads(body) == {"a": 1}


def test_it_calls_a_broken_handshake_a_passing_trouble(server):
    server.respond_with(raw_response(b"this is not TLS"))
    with pytest.raises(Unavailable):
        ask(PlaidTransport(host=server.url.replace("http:", "https:"), client_id="client", secret=SECRET))
    assert server.connections == 1


def test_it_survives_a_tls_stream_that_breaks_within_the_answer(tls, certificate, monkeypatch):
    def break_off(connection, closing):
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"a": 1')
        os.write(connection.fileno(), b"\x17\x03\x03\x00\x05wrong")

    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    with scripted_server(tls) as server:
        server.respond_with(break_off)
        with pytest.raises(Unavailable) as caught:
            ask(PlaidTransport(host=server.url, client_id="client", secret=SECRET))
    assert caught.value.code == "CONNECTION_LOST"


# --- What an error page or an error mail would show -------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.sync_transactions(TOKEN, cursor=""),
        lambda client: client.get_item(TOKEN),
        lambda client: client.get_accounts(TOKEN),
        lambda client: client.remove_item(TOKEN),
        lambda client: client.create_update_token(TOKEN, client_user_id="u"),
        lambda client: client.exchange_public_token("public-sandbox-CANARY"),
    ],
)
@pytest.mark.parametrize(
    "script",
    [
        http_response(REFUSED, status=400),
        http_response(f'{{"access_token": "{TOKEN}", "amount": NaN}}'.encode()),
        http_response({"access_token": TOKEN, "item": TOKEN, "accounts": TOKEN}),
        raw_response(b""),
    ],
)
def test_it_keeps_secrets_out_of_djangos_error_report(server, transport, call, script):
    settings = PlaidSettings("embedded", server.url, "client", SECRET, "Plumbline", "en", ("US",), "", 730)
    client = PlaidClient(settings, transport)
    server.respond_with(script)
    try:
        call(client)
    except ProviderError:
        frames = ExceptionReporter(None, *sys.exc_info()).get_traceback_frames()
    else:
        frames = []
    ours = [frame for frame in frames if "/banking/plaid/" in frame["filename"]]
    assert "CANARY" not in "".join(f"{name}={value}" for frame in ours for name, value in frame["vars"])


def test_it_keeps_secrets_out_of_the_report_of_a_bug_beneath_it(transport, server, monkeypatch):
    def stumble(answer, deadline):
        raise ZeroDivisionError

    monkeypatch.setattr(transport_module, "_read", stumble)
    server.respond_with(http_response({}))
    try:
        transport.post("institutions_get_by_id", {"institution_id": "i", "country_codes": ["US"]}, seconds=5)
    except ZeroDivisionError:
        frames = ExceptionReporter(None, *sys.exc_info()).get_traceback_frames()
    beneath = [frame for frame in frames if "/plaid/" in frame["filename"] and "/tests/" not in frame["filename"]]
    assert len(beneath) > 5
    assert "CANARY" not in "".join(f"{name}={value}" for frame in beneath for name, value in frame["vars"])
