"""The root URLconf. Pages require a sign-in unless their view has ``login_not_required``."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from config import views
from config.csp.views import receive_reports
from config.local_sandbox import proxy

handler400 = "config.views.bad_request"
handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler429 = "config.views.too_many_requests"
handler500 = "config.views.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("health/live", views.live, name="live"),
    path("health/ready", views.ready, name="ready"),
    path("appearance/", views.appearance, name="appearance"),
    path("help/", views.help_page, name="help"),
    path("policy-reports/", receive_reports, name="policy_reports"),
    path("accounts/", include("accounts.urls")),
    path("", include("accounts.deletion.urls")),
    path("", include("accounts.notifications.urls")),
    path("", include("accounts.privacy.urls")),
    path("privacy/export/", include("accounts.privacy.export.urls")),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("", include("banking.urls")),
    path("", include("credit.urls")),
    path("", include("insights.urls")),
]

if settings.PLAID_ENV == "embedded":
    urlpatterns.append(path("_sandbox/<path:path>", proxy.sandbox, name="sandbox"))
