from django.urls import path

from bench.plain.views import dashboard

urlpatterns = [path("", dashboard)]
