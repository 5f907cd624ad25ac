"""The mailbox: SMTP, pages and the JSON endpoint."""

import json
import smtplib
import socket
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from sandbox.app import Application
from sandbox.context import AppContext, open_context
from sandbox.mailbox import mails, smtp
from sandbox.mailbox.routes import pages


@pytest.fixture
def context(tmp_path):
    return open_context(tmp_path, client_id="client", secret="secret")


@pytest.fixture
def http(context):
    return Client(Application(context))


@pytest.fixture
def send_mail(context, http):
    """Send a mail by SMTP, as the site does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    smtp_server = smtp.listen(context, port)

    def send(message: EmailMessage, *, to: list[str] | None = None) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as connection:
            connection.send_message(message, to_addrs=to)

    yield send
    smtp_server.stop()


def build_mail(subject="Confirm your address", text="Hello", *, to="alice@example.com") -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "Plumbline <no-reply@plumbline.example>", to
    message.set_content(text)
    return message


def save_mail(context: AppContext, raw: bytes, *, to: str = "alice@example.com") -> int:
    return mails.keep(context, sender="no-reply@plumbline.example", recipients=[to], raw=raw)


def test_it_lists_received_mails_newest_first(send_mail, http):
    send_mail(build_mail("First"))
    send_mail(build_mail("Second"))

    page = http.get("/mailbox/").text

    assert page.index("Second") < page.index("First")
    assert "alice@example.com" in page


def test_it_makes_links_in_the_text_clickable(send_mail, http):
    send_mail(build_mail(text="Confirm here: http://127.0.0.1:8000/confirm/a-b_c/?next=%2F&x=1. Thank you."))

    page = http.get("/mailbox/messages/1/").text

    assert '<a href="http://127.0.0.1:8000/confirm/a-b_c/?next=%2F&amp;x=1" rel="noopener noreferrer">' in page


def test_it_escapes_everything_in_a_mail(http, context):
    evil = "<script>alert(1)</script>"
    message = build_mail(subject=evil, text=f'{evil} javascript:alert(1) http://a.example/"onmouseover="alert(1)')
    message["X-Evil"] = evil
    message.add_alternative(f"<b>{evil}</b>", subtype="html")
    message.add_attachment(b"x", maintype="text", subtype="plain", filename=f"{evil}.txt")
    mails.keep(context, sender=evil, recipients=[evil], raw=message.as_bytes())

    for page in (http.get("/mailbox/").text, http.get("/mailbox/messages/1/").text):
        assert "<script" not in page
        assert 'onmouseover="' not in page
        assert 'href="javascript' not in page


def test_it_shows_html_as_source_and_never_as_a_page(http, context):
    message = build_mail(text="Plain words")
    message.add_alternative('<p>Rich</p><img src="http://tracker.example/x.png">', subtype="html")
    save_mail(context, message.as_bytes())

    page = http.get("/mailbox/messages/1/").text

    assert "Plain words" in page
    assert "&lt;img src=" in page
    assert "<img" not in page


def test_it_sends_a_policy_that_forbids_scripts(http):
    response = http.get("/mailbox/")

    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert "<script" not in response.text
    assert "style=" not in response.text


@pytest.mark.parametrize("path", ["/mailbox/", "/mailbox/messages/1/", "/mailbox/messages/99/"])
def test_it_uses_relative_addresses_only(http, context, path):
    for _ in range(60):
        save_mail(context, build_mail().as_bytes())

    page = http.get(path).text

    assert 'href="/' not in page
    assert 'action="/' not in page


def test_it_redirects_to_the_trailing_slash_without_naming_a_host(http):
    response = http.get("/mailbox")

    assert response.status_code == 308
    assert response.headers["Location"] == "mailbox/"


def test_it_filters_mails_by_envelope_recipient_including_blind_copies(send_mail, http):
    send_mail(build_mail("For Alice"))
    send_mail(build_mail("For both", to="mallory@example.com"), to=["mallory@example.com", "Alice@example.com"])
    send_mail(build_mail("For Mallory", to="mallory@example.com"))

    messages = http.get("/mailbox/api/messages?to=alice@example.com").json["messages"]

    assert [mail["subject"] for mail in messages] == ["For both", "For Alice"]
    page = http.get("/mailbox/?to=alice@example.com").text
    assert "For both" in page
    assert "For Mallory" not in page


def test_it_matches_whole_addresses_only(http, context):
    save_mail(context, build_mail().as_bytes(), to="malice@example.com")

    assert http.get("/mailbox/api/messages?to=alice@example.com").json == {"messages": []}


def test_it_returns_the_links_of_a_mail_as_json(http, context):
    text = "Go to http://site.example/reset/abc/ (valid 1 hour), or https://site.example/help."
    save_mail(context, build_mail(text=text).as_bytes())

    mail = http.get("/mailbox/api/messages").json["messages"][0]

    assert mail["links"] == ["http://site.example/reset/abc/", "https://site.example/help"]
    assert mail["to"] == ["alice@example.com"]
    assert mail["text"].strip() == text
    assert mail["has_html"] is False


def test_it_keeps_the_last_five_hundred_mails(http, context):
    for number in range(503):
        save_mail(context, build_mail(f"Mail {number}").as_bytes())

    subjects = [mail["subject"] for mail in http.get("/mailbox/api/messages").json["messages"]]

    assert len(subjects) == 500
    assert subjects[0] == "Mail 502"
    assert subjects[-1] == "Mail 3"
    assert http.get("/mailbox/messages/3/").status_code == 404
    assert http.get("/mailbox/messages/4/").status_code == 200


def test_it_shows_pages_of_fifty_mails(http, context):
    for number in range(51):
        save_mail(context, build_mail(f"Mail number {number}.").as_bytes())

    first = http.get("/mailbox/").text
    second = http.get("/mailbox/?before=2").text

    assert "Mail number 0." not in first
    assert "?before=2" in first
    assert "Mail number 0." in second
    assert "Older mail" not in second


def test_it_keeps_mails_after_a_restart(tmp_path):
    save_mail(_open_context(tmp_path), build_mail("Before").as_bytes())

    assert [mail.subject for mail in mails.newest(_open_context(tmp_path))] == ["Before"]


def _open_context(directory) -> AppContext:
    context = open_context(directory, client_id="client", secret="secret")
    return Application(context).context


def test_it_refuses_a_mail_that_is_too_large(send_mail, http):
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        send_mail(build_mail(text="x" * 70 + "\n" * 1 + ("y" * 70 + "\n") * 30_000))

    assert refused.value.smtp_code == 552
    assert http.get("/mailbox/api/messages").json == {"messages": []}


@pytest.mark.parametrize(
    ("raw", "subject", "text"),
    [
        (b"", "", ""),
        (b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_=F0=9F=8C=B1?=\n\nHi", "Grüße 🌱", "Hi"),
        (b"Subject: =?no-such-charset?b?SGk=?=\n\nHi", "=?no-such-charset?b?SGk=?=", "Hi"),
        (b"Subject: =?utf-8?b?!!!?=\nContent-Type: text/plain; charset=no-such-charset\n\n\xc3\xa9", None, "é"),
        (b"Subject: \xff\xfe raw\n\n\xff", None, "\ufffd"),
        (b"Subject: a\n  folded\n\tline\n\nHi", "a folded line", "Hi"),
        (b"Content-Type: multipart/mixed; boundary=x\n\nno parts at all", "", ""),
        (b"Content-Type: text/plain; charset=undefined\n\nHi", "", "Hi"),
        (b"Content-Type: text/plain; charset=unicode_escape\n\n\\ud800", "", "?"),
        (b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n%%%", "", None),
    ],
)
def test_it_shows_a_malformed_mail(http, context, raw, subject, text):
    number = save_mail(context, raw)

    mail = mails.find(context, number)

    assert http.get(f"/mailbox/messages/{number}/").status_code == 200
    assert http.get("/mailbox/").status_code == 200
    assert subject is None or mail.subject == subject
    assert text is None or mail.text == text


WORDS = [b"Subject", b"Content-Type", b"Content-Transfer-Encoding", b"Content-Disposition", b": ", b"\n", b"\n\n",
         b"multipart/mixed; boundary=x", b"text/plain; charset=", b"utf-8", b"=?", b"?b?", b"?q?", b"?=", b"--x", b"--",
         b"base64", b"quoted-printable", b"filename*=utf-8''", b"%ff", b"message/rfc822", b"\xff", b"\x00"]  # fmt: skip


@settings(deadline=None)
@given(parts=st.lists(st.sampled_from(WORDS) | st.binary(max_size=6), max_size=40))
def test_it_parses_any_bytes_as_a_mail(parts):
    mail = mails.Mail(1, datetime(2026, 11, 22, tzinfo=UTC), "", (), b"".join(parts))

    assert pages.get_template("mail.html").render(mail=mail).encode()
    assert json.dumps(mail.as_json())


def test_it_lists_an_attachment_separately_from_the_text(http, context):
    message = build_mail(text="The export is ready.")
    message.add_attachment(b"secret rows", maintype="text", subtype="plain", filename="rows.txt")
    save_mail(context, message.as_bytes())

    page = http.get("/mailbox/messages/1/").text

    assert "The export is ready." in page
    assert "rows.txt (text/plain, 11 Bytes)" in page
    assert "secret rows" not in page


def test_it_explains_an_empty_mailbox(http):
    assert "No mail yet." in http.get("/mailbox/").text


@pytest.mark.parametrize("number", [0, 99, 10**18])
def test_it_responds_404_for_an_unknown_mail(http, number):
    response = http.get(f"/mailbox/messages/{number}/")

    assert response.status_code == 404
    assert "The mailbox keeps the last 500 mails" in response.text


def test_it_serves_its_style_sheet(http):
    response = http.get("/mailbox/mailbox.css", buffered=True)

    assert response.content_type.startswith("text/css")
    assert "color-scheme: light dark" in response.text
