from django.urls import path

from accounts.notifications import views

urlpatterns = [
    path("alerts/", views.alerts, name="alerts"),
    path("alerts/read/", views.read_all, name="alerts_read"),
    path("alerts/settings/", views.settings, name="alerts_settings"),
    path("alerts/<uuid:alert_id>/", views.open_alert, name="alert"),
    path("alerts/<uuid:alert_id>/read/", views.read, name="alert_read"),
]
