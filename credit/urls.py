from django.urls import path

from credit.views import (
    accounts,
    changes,
    consumer_rights,
    enrollment,
    identity_check,
    inquiries,
    overview,
    personal,
    pulling,
    raw,
    records,
)

urlpatterns = [
    path("credit/", overview.index, name="credit"),
    path("credit/accounts/", accounts.index, name="credit_accounts"),
    path("credit/accounts/<slug:key>/", accounts.account, name="credit_account"),
    path("credit/inquiries/", inquiries.index, name="credit_inquiries"),
    path("credit/records/", records.index, name="credit_records"),
    path("credit/personal/", personal.index, name="credit_personal"),
    path("credit/changes/", changes.index, name="credit_changes"),
    path("credit/start/", enrollment.start, name="credit_start"),
    path("credit/details/", enrollment.details, name="credit_details"),
    path("credit/identity-check/", identity_check.index, name="credit_identity_check"),
    path("credit/withdraw/", enrollment.withdraw, name="credit_withdraw"),
    path("credit/pull/", pulling.pull, name="credit_pull"),
    path("credit/status/", pulling.status, name="credit_status"),
    path("credit/rights/", consumer_rights.index, name="credit_rights"),
    path("credit/original/", raw.newest_raw, name="credit_raw"),
    path("credit/original/<uuid:report_id>/", raw.raw_page, name="credit_raw_page"),
    path("credit/original/<uuid:report_id>/file/", raw.download_raw, name="credit_raw_download"),
]
