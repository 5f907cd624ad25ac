import gzip
import hashlib
import ipaddress
import json
import socket
import ssl
import sys
import traceback
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.views.debug import ExceptionReporter

from credit.experian import transport as transport_module
from credit.experian.bureau import ExperianBureau
from credit.experian.client import ExperianClient
from credit.experian.errors import Rule
from credit.experian.transport import ExperianTransport
from credit.provider import (
    BureauAuthError,
    BureauConfigError,
    BureauError,
    BureauInputError,
    BureauRateLimited,
    BureauTimeout,
    BureauUnavailable,
    ConsentExpired,
    ConsentGrant,
    FileFrozen,
    FileRestricted,
    MalformedReport,
    NoHit,
    Outcome,
    PullOptions,
)
from credit.tests.client_samples import ADA, ATTEMPT, CANARIES, CONSENT, PROFILE, make_client
from credit.tests.experian_samples import TODAY, raw
from credit.tests.scripted_bureau import TOKEN_PATH, hang, respond, scripted_bureau, send_bytes, trickle

REPORT = raw()
HTML = b"<!DOCTYPE html><html>Your password has expired</html>"


def respond_with_error(status, code="", message="", **headers):
    error = {"errorCode": code, "errorType": "Backend", "message": f"{message} CANARY 666011001"}
    return respond({"errors": [{name: value for name, value in error.items() if value}]}, status=status, **headers)


def pull(bureau, **changes):
    return make_client(bureau.url, **changes).fetch(ADA, CONSENT, ATTEMPT)


def pull_with_error(bureau, **changes):
    with pytest.raises(BureauError) as error_info:
        pull(bureau, **changes)
    return error_info.value


def test_it_returns_the_report_unchanged(bureau):
    bureau.script_reports(respond(REPORT, Content_Type="application/json"))
    before = datetime.now(UTC)
    report = pull(bureau)
    assert report.body == REPORT
    assert report.sha256 == hashlib.sha256(REPORT).hexdigest()
    assert (report.provider, report.http_status, report.content_type) == ("experian", 200, "application/json")
    assert (report.reference_id, report.inquiry_class, report.purpose) == ("attempt1", "soft", "3F")
    assert report.endpoint == PROFILE.report_path
    assert report.is_sample
    assert before <= report.fetched_at <= datetime.now(UTC)
    assert "MERCER" not in repr(report)


def test_it_sends_the_contracts_values_and_add_ons(bureau):
    bureau.script_reports(respond(REPORT))
    pull(bureau)
    [request] = bureau.requests_to(PROFILE.report_path)
    assert request.headers["authorization"] == "Bearer CANARYTOKEN"
    assert request.headers["clientreferenceid"] == "attempt1"
    assert request.headers["content-type"] == request.headers["accept"] == "application/json"
    fields = json.loads(request.body)
    assert fields["requestor"] == {"subscriberCode": "2222222"}
    assert fields["permissiblePurpose"] == {"type": "3F"}
    assert sorted(fields["addOns"]) == [
        "consumerIdentCheck",
        "fraudShield",
        "paymentHistory84",
        "riskModels",
        "summaries",
    ]
    assert not any("666011001" in value for value in (request.path, *request.headers.values()))


@pytest.mark.parametrize(
    "path",
    [
        "/consumerservices/prequal/v1/credit-report",
        "/eits/gdp/v1/request?targeturl=https%3A%2F%2Fsandbox-us-api.experian.com%2Fconsumerservices",
    ],
)
def test_it_uses_the_path_of_the_product(bureau, path):
    bureau.script_reports(respond(REPORT))
    assert pull(bureau, report_path=path).endpoint == path
    assert len(bureau.requests_to(path)) == 1


def test_it_sends_the_reference_of_the_settings_if_set(bureau):
    bureau.script_reports(respond(REPORT))
    assert pull(bureau, reference_id="SBMYSQL").reference_id == "SBMYSQL"
    assert bureau.requests_to(PROFILE.report_path)[0].headers["clientreferenceid"] == "SBMYSQL"


@pytest.mark.parametrize("reference", ["", "a" * 33, "a-b", "a b", "a\r\nx: y", "ä"])
def test_it_rejects_invalid_references(bureau, reference):
    with pytest.raises(BureauConfigError):
        make_client(bureau.url).fetch(ADA, CONSENT, PullOptions(reference))
    assert bureau.requests == []


@pytest.mark.parametrize("shift", [timedelta(days=366), -timedelta(days=2)])
def test_it_does_not_call_without_an_active_consent(bureau, shift):
    granted = CONSENT.granted_at - shift
    expired = ConsentGrant("consent-1", granted, granted + timedelta(days=1))
    with pytest.raises(ConsentExpired):
        make_client(bureau.url).fetch(ADA, expired, ATTEMPT)
    assert bureau.requests == []


def test_it_does_not_call_with_an_invalid_applicant(bureau):
    with pytest.raises(BureauInputError) as error_info:
        make_client(bureau.url).fetch(replace(ADA, zip_code="4636"), CONSENT, ATTEMPT)
    assert error_info.value.field == "zip_code"
    assert bureau.requests == []


# --- Rejected tokens ------------------------------------------------------------------------------------------


def test_it_renews_a_rejected_token_once_and_calls_again(bureau):
    bureau.script_reports(respond_with_error(401), respond(REPORT))
    bureau.script_tokens(
        respond({"access_token": "old", "expires_in": 1800}), respond({"access_token": "new", "expires_in": 1800})
    )
    assert pull(bureau).body == REPORT
    tokens = [request.headers["authorization"] for request in bureau.requests_to(PROFILE.report_path)]
    assert tokens == ["Bearer old", "Bearer new"]


def test_it_raises_if_a_new_token_is_rejected_too(bureau):
    bureau.script_reports(respond_with_error(401))
    assert type(pull_with_error(bureau)) is BureauAuthError
    assert len(bureau.requests_to(PROFILE.report_path)) == 2
    assert len(bureau.requests_to(TOKEN_PATH)) == 2


# --- Failures -------------------------------------------------------------------------------------------------

FAILURES = {
    "no inquiry allowed": (
        respond_with_error(400, "76", "INQUIRY NOT ALLOWED"),
        BureauConfigError,
        "76",
        Outcome.NOT_MADE,
    ),
    "a code with zeros before it": (respond_with_error(400, "0076"), BureauConfigError, "76", Outcome.NOT_MADE),
    "no entitlement": (respond_with_error(403, "03", "not entitled"), BureauConfigError, "3", Outcome.NOT_MADE),
    "an invalid number": (respond_with_error(400, "53", "Invalid SSN"), BureauInputError, "53", Outcome.NOT_MADE),
    "an invalid surname": (respond_with_error(400, "11", "Invalid surname"), BureauInputError, "11", Outcome.NOT_MADE),
    "a purpose that it does not know": (
        respond_with_error(400, "14", "Permissible purpose is not valid"),
        BureauConfigError,
        "14",
        Outcome.NOT_MADE,
    ),
    "an input it does not name": (respond_with_error(400, "99", "no"), BureauInputError, "99", Outcome.NOT_MADE),
    "a passing trouble": (respond_with_error(500, "1", "please resubmit"), BureauUnavailable, "1", Outcome.NOT_MADE),
    "a crash": (respond(b"", status=500), BureauUnavailable, "HTTP_500", Outcome.UNKNOWN),
    "a bad gateway": (respond(HTML, status=502), BureauUnavailable, "HTTP_502", Outcome.UNKNOWN),
    "no service": (respond(HTML, status=503), BureauUnavailable, "HTTP_503", Outcome.NOT_MADE),
    "a gateway that waited in vain": (respond_with_error(504, "2"), BureauUnavailable, "2", Outcome.UNKNOWN),
    "no file": (respond_with_error(404, "07", "NO RECORD FOUND"), NoHit, "7", Outcome.NOT_MADE),
    "no file, without a code": (respond_with_error(404, "", "NO RECORD FOUND"), NoHit, "HTTP_404", Outcome.NOT_MADE),
    "no file, under a good status": (respond_with_error(200, "9193"), NoHit, "9193", Outcome.NOT_MADE),
    "a path that is not there": (respond(HTML, status=404), BureauConfigError, "HTTP_404", Outcome.NOT_MADE),
    "a path that is not there, in JSON": (
        respond_with_error(404, "", "The requested resource does not exist"),
        BureauConfigError,
        "HTTP_404",
        Outcome.NOT_MADE,
    ),
    "a frozen file": (respond_with_error(422, "25", "FILE FROZEN"), FileFrozen, "25", Outcome.NOT_MADE),
    "an alert list": (respond_with_error(422, "1999", "Match on Alert List"), FileRestricted, "1999", Outcome.NOT_MADE),
    "a condition it does not name": (respond_with_error(422), FileRestricted, "HTTP_422", Outcome.NOT_MADE),
    "too many calls": (respond_with_error(429, Retry_After="7"), BureauRateLimited, "HTTP_429", Outcome.NOT_MADE),
    "a redirect": (
        respond(HTML, status=302, Location="http://127.0.0.1:1/"),
        BureauConfigError,
        "HTTP_302",
        Outcome.NOT_MADE,
    ),
    "an unknown status": (respond(b"", status=418), BureauConfigError, "HTTP_418", Outcome.NOT_MADE),
    "another good status": (respond(REPORT, status=202), BureauUnavailable, "HTTP_202", Outcome.UNKNOWN),
    "a page instead of a report": (respond(HTML), BureauUnavailable, "NOT_JSON", Outcome.UNKNOWN),
    "nothing instead of a report": (respond(b""), BureauUnavailable, "NOT_JSON", Outcome.UNKNOWN),
    "silence": (hang, BureauTimeout, "TIMEOUT", Outcome.UNKNOWN),
    "a connection closed without a byte": (send_bytes(b""), BureauTimeout, "CONNECTION_LOST", Outcome.UNKNOWN),
    "a connection closed within the report": (
        send_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + REPORT[:99]),
        BureauTimeout,
        "CONNECTION_LOST",
        Outcome.UNKNOWN,
    ),
    "another protocol": (send_bytes(b"SSH-2.0-OpenSSH_9.6\r\n"), BureauTimeout, "CONNECTION_LOST", Outcome.UNKNOWN),
    "broken compression": (respond(b"no", Content_Encoding="gzip"), BureauTimeout, "CONNECTION_LOST", Outcome.UNKNOWN),
}


@pytest.mark.parametrize("fault", FAILURES)
def test_it_raises_for_every_failure_with_code_and_outcome(bureau, fault):
    script, kind, code, outcome = FAILURES[fault]
    bureau.script_reports(script)
    error = pull_with_error(bureau, seconds=0.3)
    assert type(error) is kind
    assert (error.code, error.outcome, error.reference_id) == (code, outcome, "attempt1")
    # Only a rejected token makes it call a second time.
    assert len(bureau.requests_to(PROFILE.report_path)) == 1


@pytest.mark.parametrize("fault", FAILURES)
def test_it_raises_without_personal_data(bureau, fault, caplog):
    bureau.script_reports(FAILURES[fault][0])
    with caplog.at_level(0):
        error = pull_with_error(bureau, seconds=0.3)
    assert error.__cause__ is None
    assert error.__context__ is None
    texts = [repr(error), str(error), repr(vars(error)), caplog.text, *traceback.format_exception(error)]
    assert not [canary for canary in CANARIES if canary in "".join(texts)]


@pytest.mark.parametrize("fault", ["an invalid number", "silence", "a page instead of a report", "no file"])
def test_it_keeps_secrets_out_of_djangos_error_report(bureau, fault):
    bureau.script_reports(FAILURES[fault][0])
    frames = []
    try:
        pull(bureau, seconds=0.3)
    except BureauError:
        frames = ExceptionReporter(None, *sys.exc_info()).get_traceback_frames()
    own_frames = [frame for frame in frames if "/credit/experian/" in frame["filename"]]
    assert own_frames
    text = "".join(f"{name}={value}" for frame in own_frames for name, value in frame["vars"])
    assert not [canary for canary in CANARIES if canary in text]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("Invalid surname", "last_name"),
        ("request.consumerPii.primaryApplicant.currentAddress.zipCode is not valid", "zip_code"),
        ("request.consumerPii.primaryApplicant.dob.dob is not valid", "birth"),
        ("currentAddress.line1 is missing", "line1"),
        ("currentAddress.state is not valid", "state"),
        ("firstName is not valid", "first_name"),
        ("no", ""),
    ],
)
def test_it_raises_with_the_rejected_field(bureau, message, field):
    bureau.script_reports(respond_with_error(400, "10", message))
    assert pull_with_error(bureau).field == field


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 1), ("999999", 14400), ("soon", 60), ("-5", 60), ("Wed, 21 Oct 2026 07:28:00 GMT", 60), ("²", 60)],
)
def test_it_raises_with_the_time_to_wait(bureau, header, seconds):
    bureau.script_reports(respond(b"", status=429, **({"Retry_After": header} if header.isascii() else {})))
    assert pull_with_error(bureau).retry_after == seconds


def test_it_accepts_additional_error_rules(bureau):
    bureau.script_reports(respond_with_error(400, "4711", "the bureau is on holiday"))
    rules = (Rule(0, "4711", "holiday", "unavailable"),)
    client = ExperianClient(replace(PROFILE, host=bureau.url), ExperianTransport(bureau.url), rules)
    with pytest.raises(BureauUnavailable):
        client.fetch(ADA, CONSENT, ATTEMPT)


def test_it_returns_a_response_that_cannot_be_parsed(bureau):
    bureau.script_reports(respond(b'{"creditProfiles": []}'))
    report = pull(bureau)
    assert report.body == b'{"creditProfiles": []}'
    with pytest.raises(MalformedReport):
        ExperianBureau().normalize(report.body, asof=TODAY)


def test_it_reads_a_compressed_response(bureau):
    bureau.script_reports(respond(gzip.compress(REPORT), Content_Encoding="gzip"))
    assert pull(bureau).body == REPORT


def test_it_never_follows_a_redirect(bureau):
    with scripted_bureau() as other_bureau:
        other_bureau.script_reports(respond(REPORT))
        bureau.script_reports(respond(b"", status=307, Location=f"{other_bureau.url}/x"))
        assert type(pull_with_error(bureau)) is BureauConfigError
        assert other_bureau.requests == []


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_it_rejects_a_response_that_is_too_large(bureau, monkeypatch, encoding):
    monkeypatch.setattr(transport_module, "MAX_BYTES", 10_000)
    body = b" " * 20_000
    bureau.script_reports(respond(gzip.compress(body) if encoding == "gzip" else body, Content_Encoding=encoding))
    error = pull_with_error(bureau)
    assert (type(error), error.code, error.outcome) == (MalformedReport, "RESPONSE_TOO_LARGE", Outcome.UNKNOWN)


def test_it_raises_after_the_deadline_of_a_slow_response(bureau, monkeypatch):
    # No single read times out, so only the deadline of the whole call can end it.
    monkeypatch.setattr(transport_module, "CONNECT_SECONDS", 0.1)
    bureau.script_reports(trickle)
    error = pull_with_error(bureau, seconds=0.5)
    assert (type(error), error.outcome) == (BureauTimeout, Outcome.UNKNOWN)


def test_it_raises_with_outcome_not_made_if_the_port_is_closed():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(BureauUnavailable) as error_info:
        make_client(f"http://127.0.0.1:{port}").fetch(ADA, CONSENT, ATTEMPT)
    assert (error_info.value.code, error_info.value.outcome) == ("TOKEN_NOT_CONNECTED", Outcome.NOT_MADE)


# --- TLS ------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for 127.0.0.1, as the path of a PEM file with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bureau.test")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(datetime.now(UTC) + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    encryption = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    path = tmp_path / "bureau.pem"
    path.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
    return str(path)


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_it_sends_nothing_to_a_host_with_an_untrusted_certificate(tls):
    with scripted_bureau(tls) as bureau:
        error = pull_with_error(bureau)
        assert bureau.requests == []
    assert (type(error), error.code) == (BureauConfigError, "CERTIFICATE_REFUSED")


def test_it_trusts_the_systems_certificates(tls, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    with scripted_bureau(tls) as bureau:
        bureau.script_reports(respond(REPORT))
        assert pull(bureau).body == REPORT
