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
LOCALHOST = ipaddress.ip_address("127.0.0.1")
ERROR_FIELDS = {"error_type": "ITEM_ERROR", "error_code": "ITEM_LOGIN_REQUIRED", "error_message": TOKEN}


@pytest.fixture
def server():
    with scripted_server() as scripted:
        yield scripted


@pytest.fixture
def transport(server):
    return PlaidTransport(host=server.url, client_id="client", secret=SECRET)


def send_request(transport, seconds=5.0, **fields):
    return transport.post("accounts_get", {"access_token": TOKEN, **fields}, seconds=seconds)


def send_and_parse(transport):
    return responses.parse_removal(send_request(transport, seconds=0.3))


def test_it_sends_the_keys_in_headers_and_the_fields_as_json(server, transport):
    server.respond_with(http_response({"request_id": "r"}))
    send_request(transport)
    [request] = server.requests
    assert request.path == "/accounts/get"
    assert request.fields == {"access_token": TOKEN}
    assert (request.headers["plaid-client-id"], request.headers["plaid-secret"]) == ("client", SECRET)
    assert request.headers["plaid-version"] == "2020-09-14"


def test_it_returns_the_bytes_as_sent(server, transport):
    body = b'{"a": 90071992547409.93, "b": -0.008902867462305952, "c": "Caf\\ud83d", "d": 1e2}'
    server.respond_with(http_response(body))
    assert send_request(transport) == body


def test_it_reads_a_large_response(server, transport):
    server.respond_with(http_response({"text": "x" * 3_000_000}))
    assert len(send_request(transport)) > 3_000_000


def test_it_reads_compressed_and_chunked_responses(server, transport):
    server.respond_with(
        http_response(gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"),
        raw_response(b'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n'),
    )
    assert send_request(transport) == b'{"a": 1}'
    assert send_request(transport) == b'{"a": 1}'


TRANSPORT_FAULTS = {
    "HTML instead of JSON": (http_response(b"<html>hello</html>"), Unavailable, "NOT_JSON"),
    "an empty response": (http_response(b""), Unavailable, "NOT_JSON"),
    "a list instead of an object": (http_response(b"[]"), Unavailable, "NOT_JSON"),
    "a truncated response": (http_response(f'{{"access_token": "{TOKEN}'.encode()), Unavailable, "NOT_JSON"),
    "a response that is not UTF-8": (http_response(b'{"a": "\xff\xfe"}'), Unavailable, "NOT_JSON"),
    "a deeply nested response": (http_response(b'{"a":' + b"[" * 100_000), Unavailable, "NOT_JSON"),
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
    "a refusal": (http_response(ERROR_FIELDS, status=400), LoginRequired, "ITEM_LOGIN_REQUIRED"),
    "a refusal with a success status": (http_response(ERROR_FIELDS, status=208), LoginRequired, "ITEM_LOGIN_REQUIRED"),
    "a proxy's error page": (http_response(b"<h1>Bad gateway</h1>", status=502), Unavailable, "HTTP_502"),
    "an empty error": (http_response(b"", status=500), Unavailable, "HTTP_500"),
    "an error that is not UTF-8": (http_response(b"\xff\xfe\x00", status=500), Unavailable, "NOT_JSON"),
    "a connection closed without a byte": (raw_response(b""), Unavailable, "CONNECTION_LOST"),
    "a connection closed within headers": (raw_response(b"HTTP/1.1 200 OK\r\nContent-"), Unavailable, "NOT_JSON"),
    "a connection closed during the response": (
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
def test_it_raises_for_every_fault(server, transport, fault):
    script, expected, code = TRANSPORT_FAULTS[fault]
    server.respond_with(script)
    with pytest.raises(ProviderError) as error_info:
        send_and_parse(transport)
    assert type(error_info.value) is expected
    assert error_info.value.code == code
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", TRANSPORT_FAULTS)
def test_it_raises_without_secrets(server, transport, fault):
    server.respond_with(TRANSPORT_FAULTS[fault][0])
    with pytest.raises(ProviderError) as error_info:
        send_and_parse(transport)
    error = error_info.value
    texts = [repr(error), str(error), repr(vars(error)), repr(error.args), *traceback.format_exception(error)]
    assert "CANARY" not in "".join(texts)
    assert error.__cause__ is None
    assert error.__context__ is None


def test_it_recovers_after_a_fault(server, transport):
    server.respond_with(raw_response(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"a'), http_response({"a": 2}))
    with pytest.raises(Unavailable):
        send_request(transport)
    assert json.loads(send_request(transport)) == {"a": 2}


def test_it_raises_after_the_deadline_of_a_slow_response(server, transport, monkeypatch):
    # No single read times out, so only the deadline of the whole call can end it.
    monkeypatch.setattr(transport_module, "CONNECT_SECONDS", 0.1)
    server.respond_with(slow_response)
    with pytest.raises(Unavailable) as error_info:
        send_request(transport, seconds=1.0)
    assert error_info.value.code == "TIMEOUT"


@pytest.mark.parametrize("status", [200, 500])
def test_it_rejects_a_response_that_is_too_large(server, transport, monkeypatch, status):
    monkeypatch.setattr(transport_module, "MAX_BYTES", 10_000)
    server.respond_with(http_response(b'{"a": "' + b"x" * 10_000 + b'"}', status=status))
    with pytest.raises(MalformedResponse) as error_info:
        send_request(transport)
    assert error_info.value.code == "RESPONSE_TOO_LARGE"


def test_it_limits_the_size_after_decompression(server, transport):
    server.respond_with(http_response(gzip.compress(b" " * 20_000_000), Content_Encoding="gzip"))
    with pytest.raises(MalformedResponse) as error_info:
        send_request(transport)
    assert error_info.value.code == "RESPONSE_TOO_LARGE"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_it_never_follows_a_redirect(server, transport, status):
    with scripted_server() as other_server:
        other_server.respond_with(http_response({"a": 1}))
        server.respond_with(http_response(b"", status=status, Location=f"{other_server.url}/accounts/get"))
        with pytest.raises(ProviderConfigurationError) as error_info:
            send_request(transport)
        assert other_server.requests == []
    assert error_info.value.code == f"HTTP_{status}"


def test_it_never_repeats_a_call(server, transport):
    server.respond_with(http_response(b"busy", status=503, Retry_After="0"))
    with pytest.raises(Unavailable):
        send_request(transport)
    assert len(server.requests) == 1


def test_it_raises_with_the_retry_after_header(server, transport):
    error_fields = {"error_type": "RATE_LIMIT_EXCEEDED", "error_code": "ACCOUNTS_LIMIT"}
    server.respond_with(http_response(error_fields, status=429, Retry_After="9"))
    with pytest.raises(RateLimited) as error_info:
        send_request(transport)
    assert error_info.value.retry_after == 9


def test_it_raises_if_the_port_is_closed():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(Unavailable) as error_info:
        send_request(PlaidTransport(host=f"http://127.0.0.1:{port}", client_id="client", secret=SECRET))
    assert error_info.value.code == "NOT_CONNECTED"


def test_it_rejects_a_request_that_the_sdk_rejects(server, transport):
    with pytest.raises(ProviderConfigurationError) as error_info:
        transport.post("transactions_sync", {"access_token": TOKEN, "count": 501}, seconds=5)
    assert error_info.value.code == "REQUEST_REFUSED_BY_SDK"
    assert error_info.value.__context__ is None
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
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOCALHOST)]), False)
        .sign(key, hashes.SHA256())
    )
    encryption = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    path = tmp_path / "server.pem"
    path.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
    return str(path)


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_it_sends_nothing_to_a_host_with_an_untrusted_certificate(tls):
    with scripted_server(tls) as server:
        with pytest.raises(ProviderConfigurationError) as error_info:
            send_request(PlaidTransport(host=server.url, client_id="client", secret=SECRET))
        assert server.requests == []
    assert error_info.value.code == "CERTIFICATE_REFUSED"


def test_it_trusts_the_systems_certificates(tls, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    with scripted_server(tls) as server:
        server.respond_with(http_response({"a": 1}))
        body = send_request(PlaidTransport(host=server.url, client_id="client", secret=SECRET))
        assert json.loads(body) == {"a": 1}


def test_it_treats_a_failed_handshake_as_temporary(server):
    server.respond_with(raw_response(b"this is not TLS"))
    with pytest.raises(Unavailable):
        send_request(PlaidTransport(host=server.url.replace("http:", "https:"), client_id="client", secret=SECRET))
    assert server.connections == 1


def test_it_raises_if_tls_breaks_within_the_response(tls, certificate, monkeypatch):
    def send_invalid_record(connection, closing):
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"a": 1')
        os.write(connection.fileno(), b"\x17\x03\x03\x00\x05wrong")

    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    with scripted_server(tls) as server:
        server.respond_with(send_invalid_record)
        with pytest.raises(Unavailable) as error_info:
            send_request(PlaidTransport(host=server.url, client_id="client", secret=SECRET))
    assert error_info.value.code == "CONNECTION_LOST"


# --- Error reports ----------------------------------------------------------------------------------------


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
        http_response(ERROR_FIELDS, status=400),
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
    own_frames = [frame for frame in frames if "/banking/plaid/" in frame["filename"]]
    assert "CANARY" not in "".join(f"{name}={value}" for frame in own_frames for name, value in frame["vars"])


def test_it_keeps_secrets_out_of_the_report_of_an_inner_error(transport, server, monkeypatch):
    def fail(response, deadline):
        raise ZeroDivisionError

    monkeypatch.setattr(transport_module, "_read", fail)
    server.respond_with(http_response({}))
    try:
        transport.post("institutions_get_by_id", {"institution_id": "i", "country_codes": ["US"]}, seconds=5)
    except ZeroDivisionError:
        frames = ExceptionReporter(None, *sys.exc_info()).get_traceback_frames()
    own_frames = [frame for frame in frames if "/plaid/" in frame["filename"] and "/tests/" not in frame["filename"]]
    assert len(own_frames) > 5
    assert "CANARY" not in "".join(f"{name}={value}" for frame in own_frames for name, value in frame["vars"])
