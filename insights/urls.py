from django.urls import path

from insights import views

urlpatterns = [
    path("overview/", views.overview, name="overview"),
    path("overview/connections/", views.sync_status, name="sync_status"),
    path("bank-accounts/checks/", views.figure_checks, name="figure_checks"),
    path("credit/history/", views.credit_history, name="credit_history"),
    path("credit/utilization/", views.credit_utilization, name="credit_utilization"),
    path("credit/utilization/<slug:key>/<uuid:account_id>/", views.card_link, name="card_link"),
    path("bank-accounts/account/<uuid:account_id>/", views.account, name="account"),
]
