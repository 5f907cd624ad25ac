from django.urls import path

from accounts.privacy import export_views

urlpatterns = [
    path("", export_views.show_exports, name="exports"),
    path("request/", export_views.request_export, name="request_export"),
    path("<uuid:export_id>/download/", export_views.download_export, name="download_export"),
    path("<uuid:export_id>/download/<str:code>/", export_views.send_export, name="send_export"),
    path("<uuid:export_id>/delete/", export_views.delete_export, name="delete_export"),
]
