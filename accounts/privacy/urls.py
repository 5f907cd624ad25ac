from django.urls import path

from accounts.agreements.views import agree
from accounts.privacy import consent_views, do_not_sell, legal_documents
from accounts.privacy.activity.views import download_activity, show_activity, verify_activity
from accounts.privacy.privacy_page import show_privacy
from accounts.privacy.retention.views import change_retention, show_retention

urlpatterns = [
    path("privacy/", show_privacy, name="privacy"),
    path("terms/", legal_documents.show_terms, name="terms"),
    path("privacy/policy/", legal_documents.show_privacy_notice, name="privacy_notice"),
    path("security-overview/", legal_documents.show_security_overview, name="security_overview"),
    path("security-overview/verify_export.py", legal_documents.download_verifier, name="download_verifier"),
    path("legal/<str:document>/<str:version>/", legal_documents.show_version, name="legal_text"),
    path("privacy/agree/", agree, name="agree"),
    path("privacy/consents/", consent_views.show_consents, name="consents"),
    path("privacy/consents/<uuid:event_id>/", consent_views.show_consent_text, name="consent_text"),
    path("privacy/consents/<str:purpose>/change/", consent_views.change_consent, name="change_consent"),
    path("privacy/do-not-sell/", do_not_sell.do_not_sell, name="do_not_sell"),
    path(".well-known/gpc.json", do_not_sell.describe_global_privacy_control, name="global_privacy_control"),
    path("privacy/activity/", show_activity, name="activity"),
    path("privacy/activity/verify/", verify_activity, name="verify_activity"),
    path("privacy/activity.csv", download_activity, name="activity_csv"),
    path("privacy/retention/", show_retention, name="retention"),
    path("privacy/retention/<slug:data_type>/", change_retention, name="change_retention"),
]
