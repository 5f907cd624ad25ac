from django.urls import path

from accounts.notifications import views

urlpatterns = [
    path("notifications/", views.show_notifications, name="notifications"),
    path("notifications/read/", views.mark_all_read, name="mark_all_notifications_read"),
    path("notifications/settings/", views.change_settings, name="notification_settings"),
    path("notifications/<uuid:notification_id>/", views.open_notification, name="open_notification"),
    path("notifications/<uuid:notification_id>/read/", views.mark_read, name="mark_notification_read"),
]
