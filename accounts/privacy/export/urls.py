from django.urls import path

from accounts.privacy.export import views

urlpatterns = [
    path("", views.show_exports, name="exports"),
    path("request/", views.request_export, name="request_export"),
    path("<uuid:export_id>/download/", views.download_export, name="download_export"),
    path("<uuid:export_id>/download/<str:code>/", views.send_export, name="send_export"),
    path("<uuid:export_id>/delete/", views.delete_export, name="delete_export"),
]
