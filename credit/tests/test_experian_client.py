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
from credit.tests.client_samples import ADA, ATTEMPT, CANARIES, CONSENT, PROFILE, client_at
from credit.tests.experian_samples import TODAY, raw
from credit.tests.scripted_bureau import TOKEN_PATH, hang, respond, scripted_bureau, send_bytes, trickle

REPORT = raw()
HTML = b"<!DOCTYPE html><html>Your password has expired</html>"


def refuse(status, code="", message="", **headers):
    error = {"errorCode": code, "errorType": "Backend", "message": f"{message} CANARY 666011001"}
    return respond({"errors": [{name: value for name, value in error.items() if value}]}, status=status, **headers)


def pull(bureau, **changes):
    return client_at(bureau.url, **changes).fetch(ADA, CONSENT, ATTEMPT)


def failure(bureau, **changes):
    with pytest.raises(BureauError) as caught:
        pull(bureau, **changes)
    return caught.value


def test_it_brings_a_report_untouched(bureau):
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


def test_it_asks_as_the_contract_says_and_for_no_more(bureau):
    bureau.script_reports(respond(REPORT))
    pull(bureau)
    [request] = bureau.requests_to(PROFILE.report_path)
    assert request.headers["authorization"] == "Bearer CANARYTOKEN"
    assert request.headers["clientreferenceid"] == "attempt1"
    assert request.headers["content-type"] == request.headers["accept"] == "application/json"
    sent = json.loads(request.body)
    assert sent["requestor"] == {"subscriberCode": "2222222"}
    assert sent["permissiblePurpose"] == {"type": "3F"}
    assert sorted(sent["addOns"]) == [
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
def test_it_asks_another_product_under_another_path(bureau, path):
    bureau.script_reports(respond(REPORT))
    assert pull(bureau, report_path=path).endpoint == path
    assert len(bureau.requests_to(path)) == 1


def test_it_sends_the_sandboxs_only_reference_where_one_is_set(bureau):
    bureau.script_reports(respond(REPORT))
    assert pull(bureau, reference_id="SBMYSQL").reference_id == "SBMYSQL"
    assert bureau.requests_to(PROFILE.report_path)[0].headers["clientreferenceid"] == "SBMYSQL"


@pytest.mark.parametrize("reference", ["", "a" * 33, "a-b", "a b", "a\r\nx: y", "ä"])
def test_it_refuses_a_reference_that_is_none(bureau, reference):
    with pytest.raises(BureauConfigError):
        client_at(bureau.url).fetch(ADA, CONSENT, PullOptions(reference))
    assert bureau.requests == []


@pytest.mark.parametrize("shift", [timedelta(days=366), -timedelta(days=2)])
def test_it_asks_nothing_without_a_living_consent(bureau, shift):
    granted = CONSENT.granted_at - shift
    lapsed = ConsentGrant("consent-1", granted, granted + timedelta(days=1))
    with pytest.raises(ConsentExpired):
        client_at(bureau.url).fetch(ADA, lapsed, ATTEMPT)
    assert bureau.requests == []


def test_it_asks_nothing_about_a_person_whom_the_bureau_would_refuse(bureau):
    with pytest.raises(BureauInputError) as caught:
        client_at(bureau.url).fetch(replace(ADA, zip_code="4636"), CONSENT, ATTEMPT)
    assert caught.value.field == "zip_code"
    assert bureau.requests == []


# --- A token that is refused ----------------------------------------------------------------------------------


def test_it_renews_a_refused_token_once_and_asks_again(bureau):
    bureau.script_reports(refuse(401), respond(REPORT))
    bureau.script_tokens(
        respond({"access_token": "old", "expires_in": 1800}), respond({"access_token": "new", "expires_in": 1800})
    )
    assert pull(bureau).body == REPORT
    sent = [request.headers["authorization"] for request in bureau.requests_to(PROFILE.report_path)]
    assert sent == ["Bearer old", "Bearer new"]


def test_it_gives_up_when_a_fresh_token_is_refused_too(bureau):
    bureau.script_reports(refuse(401))
    assert type(failure(bureau)) is BureauAuthError
    assert len(bureau.requests_to(PROFILE.report_path)) == 2
    assert len(bureau.requests_to(TOKEN_PATH)) == 2


# --- What the bureau refuses ----------------------------------------------------------------------------------

REFUSALS = {
    "no inquiry allowed": (refuse(400, "76", "INQUIRY NOT ALLOWED"), BureauConfigError, "76", Outcome.NOT_MADE),
    "a code with zeros before it": (refuse(400, "0076"), BureauConfigError, "76", Outcome.NOT_MADE),
    "no entitlement": (refuse(403, "03", "not entitled"), BureauConfigError, "3", Outcome.NOT_MADE),
    "an invalid number": (refuse(400, "53", "Invalid SSN"), BureauInputError, "53", Outcome.NOT_MADE),
    "an invalid surname": (refuse(400, "11", "Invalid surname"), BureauInputError, "11", Outcome.NOT_MADE),
    "a purpose that it does not know": (
        refuse(400, "14", "Permissible purpose is not valid"),
        BureauConfigError,
        "14",
        Outcome.NOT_MADE,
    ),
    "an input it does not name": (refuse(400, "99", "no"), BureauInputError, "99", Outcome.NOT_MADE),
    "a passing trouble": (refuse(500, "1", "please resubmit"), BureauUnavailable, "1", Outcome.NOT_MADE),
    "a crash": (respond(b"", status=500), BureauUnavailable, "HTTP_500", Outcome.UNKNOWN),
    "a bad gateway": (respond(HTML, status=502), BureauUnavailable, "HTTP_502", Outcome.UNKNOWN),
    "no service": (respond(HTML, status=503), BureauUnavailable, "HTTP_503", Outcome.NOT_MADE),
    "a gateway that waited in vain": (refuse(504, "2"), BureauUnavailable, "2", Outcome.UNKNOWN),
    "no file": (refuse(404, "07", "NO RECORD FOUND"), NoHit, "7", Outcome.NOT_MADE),
    "no file, without a code": (refuse(404, "", "NO RECORD FOUND"), NoHit, "HTTP_404", Outcome.NOT_MADE),
    "no file, under a good status": (refuse(200, "9193"), NoHit, "9193", Outcome.NOT_MADE),
    "a path that is not there": (respond(HTML, status=404), BureauConfigError, "HTTP_404", Outcome.NOT_MADE),
    "a path that is not there, in JSON": (
        refuse(404, "", "The requested resource does not exist"),
        BureauConfigError,
        "HTTP_404",
        Outcome.NOT_MADE,
    ),
    "a frozen file": (refuse(422, "25", "FILE FROZEN"), FileFrozen, "25", Outcome.NOT_MADE),
    "an alert list": (refuse(422, "1999", "Match on Alert List"), FileRestricted, "1999", Outcome.NOT_MADE),
    "a condition it does not name": (refuse(422), FileRestricted, "HTTP_422", Outcome.NOT_MADE),
    "too many calls": (refuse(429, Retry_After="7"), BureauRateLimited, "HTTP_429", Outcome.NOT_MADE),
    "a redirect": (
        respond(HTML, status=302, Location="http://127.0.0.1:1/"),
        BureauConfigError,
        "HTTP_302",
        Outcome.NOT_MADE,
    ),
    "a status that nobody knows": (respond(b"", status=418), BureauConfigError, "HTTP_418", Outcome.NOT_MADE),
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


@pytest.mark.parametrize("fault", REFUSALS)
def test_it_names_every_failure_and_whether_a_report_may_exist(bureau, fault):
    script, kind, code, outcome = REFUSALS[fault]
    bureau.script_reports(script)
    error = failure(bureau, seconds=0.3)
    assert type(error) is kind
    assert (error.code, error.outcome, error.reference_id) == (code, outcome, "attempt1")
    # Nothing but a refused token makes it ask a second time.
    assert len(bureau.requests_to(PROFILE.report_path)) == 1


@pytest.mark.parametrize("fault", REFUSALS)
def test_it_lets_nothing_personal_out_with_an_error(bureau, fault, caplog):
    bureau.script_reports(REFUSALS[fault][0])
    with caplog.at_level(0):
        error = failure(bureau, seconds=0.3)
    assert error.__cause__ is None
    assert error.__context__ is None
    told = [repr(error), str(error), repr(vars(error)), caplog.text, *traceback.format_exception(error)]
    assert not [canary for canary in CANARIES if canary in "".join(told)]


@pytest.mark.parametrize("fault", ["an invalid number", "silence", "a page instead of a report", "no file"])
def test_it_keeps_secrets_out_of_djangos_error_report(bureau, fault):
    bureau.script_reports(REFUSALS[fault][0])
    frames = []
    try:
        pull(bureau, seconds=0.3)
    except BureauError:
        frames = ExceptionReporter(None, *sys.exc_info()).get_traceback_frames()
    ours = [frame for frame in frames if "/credit/experian/" in frame["filename"]]
    assert ours
    shown = "".join(f"{name}={value}" for frame in ours for name, value in frame["vars"])
    assert not [canary for canary in CANARIES if canary in shown]


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
def test_it_says_which_field_a_person_has_to_look_at(bureau, message, field):
    bureau.script_reports(refuse(400, "10", message))
    assert failure(bureau).field == field


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 1), ("999999", 14400), ("soon", 60), ("-5", 60), ("Wed, 21 Oct 2026 07:28:00 GMT", 60), ("²", 60)],
)
def test_it_says_how_long_to_wait(bureau, header, seconds):
    bureau.script_reports(respond(b"", status=429, **({"Retry_After": header} if header.isascii() else {})))
    assert failure(bureau).retry_after == seconds


def test_it_lets_an_operator_teach_it_an_error(bureau):
    bureau.script_reports(refuse(400, "4711", "somebody is on holiday"))
    rules = (Rule(0, "4711", "holiday", "unavailable"),)
    client = ExperianClient(replace(PROFILE, host=bureau.url), ExperianTransport(bureau.url), rules)
    with pytest.raises(BureauUnavailable):
        client.fetch(ADA, CONSENT, ATTEMPT)


def test_it_keeps_an_answer_that_it_cannot_read_yet(bureau):
    bureau.script_reports(respond(b'{"creditProfiles": []}'))
    report = pull(bureau)
    assert report.body == b'{"creditProfiles": []}'
    with pytest.raises(MalformedReport):
        ExperianBureau().normalize(report.body, asof=TODAY)


def test_it_reads_a_compressed_answer(bureau):
    bureau.script_reports(respond(gzip.compress(REPORT), Content_Encoding="gzip"))
    assert pull(bureau).body == REPORT


def test_it_never_follows_a_redirect(bureau):
    with scripted_bureau() as elsewhere:
        elsewhere.script_reports(respond(REPORT))
        bureau.script_reports(respond(b"", status=307, Location=f"{elsewhere.url}/x"))
        assert type(failure(bureau)) is BureauConfigError
        assert elsewhere.requests == []


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_it_gives_up_an_answer_without_end(bureau, monkeypatch, encoding):
    monkeypatch.setattr(transport_module, "MAX_BYTES", 10_000)
    body = b" " * 20_000
    bureau.script_reports(respond(gzip.compress(body) if encoding == "gzip" else body, Content_Encoding=encoding))
    error = failure(bureau)
    assert (type(error), error.code, error.outcome) == (MalformedReport, "RESPONSE_TOO_LARGE", Outcome.UNKNOWN)


def test_it_gives_up_an_answer_that_only_trickles(bureau, monkeypatch):
    # The bytes never stop for long, so only the clock over the whole call can end it.
    monkeypatch.setattr(transport_module, "CONNECT_SECONDS", 0.1)
    bureau.script_reports(trickle)
    error = failure(bureau, seconds=0.5)
    assert (type(error), error.outcome) == (BureauTimeout, Outcome.UNKNOWN)


def test_it_knows_that_nothing_was_sent_where_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(BureauUnavailable) as caught:
        client_at(f"http://127.0.0.1:{port}").fetch(ADA, CONSENT, ATTEMPT)
    assert (caught.value.code, caught.value.outcome) == ("TOKEN_NOT_CONNECTED", Outcome.NOT_MADE)


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
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = tmp_path / "bureau.pem"
    path.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
    return str(path)


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_it_sends_nothing_to_a_host_whose_certificate_does_not_hold(tls):
    with scripted_bureau(tls) as bureau:
        error = failure(bureau)
        assert bureau.requests == []
    assert (type(error), error.code) == (BureauConfigError, "CERTIFICATE_REFUSED")


def test_it_trusts_what_the_system_trusts(tls, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    with scripted_bureau(tls) as bureau:
        bureau.script_reports(respond(REPORT))
        assert pull(bureau).body == REPORT
