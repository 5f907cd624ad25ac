"""URLs of the deletion of an account, below ``privacy/``."""

from django.urls import path

from accounts.deletion import views

urlpatterns = [
    path("privacy/delete-account/", views.delete_account, name="delete_account"),
    path("privacy/delete-account/pending/", views.deletion_pending, name="deletion_pending"),
    path("privacy/delete-account/cancel/", views.cancel_deletion, name="cancel_deletion"),
    path("privacy/delete-account/cancel/<str:token>/", views.cancel_deletion_by_link, name="cancel_deletion_by_link"),
    path("privacy/delete-account/now/", views.erase_account, name="erase_account"),
]
