from django.urls import path

from insights import views

urlpatterns = [
    path("overview/", views.overview, name="overview"),
    path("overview/connections/", views.sync_status, name="sync_status"),
    path("bank-accounts/account/<uuid:account_id>/", views.account, name="account"),
]
