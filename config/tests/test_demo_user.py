"""The demo user's report and bank come through the same code as those of every user."""

import pytest
from django.core.management import CommandError

from accounts.agreements import required_texts
from compliance import consent
from compliance.isolation import tenant
from config.management.commands import demo_user
from credit.enrollment import lifecycle
from credit.statuses import EnrollmentStatus
from credit.stored import reports
from credit.tests.pull_steps import get_status, list_attempts, list_report_calls

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dates]


def test_it_pulls_the_demo_users_report_once(site_bureau):
    user = demo_user.demo_user()
    for _ in range(2):
        demo_user.pull_report(user)
    assert (len(list_report_calls(site_bureau)), get_status(user)) == (1, EnrollmentStatus.READY)
    [attempt] = list_attempts(user)
    [consent_event] = consent.list_consent_events(user_id=user.pk, purpose=consent.Purpose.CREDIT_REPORT)
    assert (attempt.trigger, attempt.consent_id, consent_event.method) == ("demo", consent_event.pk, "demo")
    with tenant(user.pk):
        assert reports.get_latest_report(owner=user.pk).report.scores[0].value == 702


def test_it_agrees_to_the_texts_once():
    for _ in range(2):
        user = demo_user.demo_user()
    events = consent.list_consent_events(user_id=user.pk)
    assert [(event.purpose, event.method) for event in events] == [("privacy_notice", "demo"), ("terms", "demo")]
    assert required_texts.list_missing(user_id=user.pk) == ()


def test_it_pulls_no_report_after_the_demo_user_withdrew(site_bureau):
    user = demo_user.demo_user()
    demo_user.pull_report(user)
    lifecycle.withdraw_enrollment(user=user)
    demo_user.pull_report(user)
    assert (len(list_report_calls(site_bureau)), get_status(user)) == (1, EnrollmentStatus.NO_CONSENT)


def test_it_links_a_bank_through_the_sandboxs_dialog(sandbox, settings):
    settings.PLAID_URL, settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = (
        sandbox.url,
        sandbox.client_id,
        sandbox.secret,
    )
    user = demo_user.demo_user()
    item = demo_user.link(user, "ins_109508", "user_good")
    assert (item.institution_name, item.owner_id) == ("First Platypus Bank", user.pk)
    with pytest.raises(CommandError, match="INVALID_CREDENTIALS"):
        demo_user.link(user, "ins_109508", "nobody")
