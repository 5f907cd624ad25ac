"""The list of alerts, what its buttons do, and the settings."""

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.notifications import inbox
from accounts.notifications.forms import MarkAllReadForm, NotificationSettingsForm
from accounts.notifications.models import Notification, NotificationSettings
from accounts.users.requests import AuthenticatedHttpRequest

MAX_PAGE_DIGITS: Final = 4


@require_safe
def alerts(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show what the person was told, the unread first, a page at a time."""
    asked = request.GET.get("page", "")
    page = int(asked) if asked.isdecimal() and len(asked) <= MAX_PAGE_DIGITS else 0
    rows = inbox.list_notifications(user_id=request.user.pk, page=page)
    context = {
        "alerts": rows[: inbox.PAGE_SIZE],
        "older_url": f"?page={page + 1}" if len(rows) > inbox.PAGE_SIZE else "",
        "newer_url": f"?page={page - 1}" if page else "",
        "is_first": not page,
        "until": timezone.now().isoformat(),
    }
    return render(request, "accounts/alerts.html", context)


@require_safe
def open_alert(request: AuthenticatedHttpRequest, alert_id: UUID) -> HttpResponse:
    """Lead to what an alert speaks of, and take it as read: an address that changes no more than a visited link."""
    return HttpResponseRedirect(_marked_read(request, alert_id).url or reverse("alerts"))


@require_POST
def read(request: AuthenticatedHttpRequest, alert_id: UUID) -> HttpResponse:
    """Take one alert as read, without going where it leads."""
    _marked_read(request, alert_id)
    return redirect("alerts")


@require_POST
def read_all(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Take as read whatever stood on the page, or on those behind it, when it was made."""
    form = MarkAllReadForm(request.POST)
    if form.is_valid():
        inbox.mark_all_read(user_id=request.user.pk, until=form.cleaned_data["until"])
    return redirect("alerts")


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Let the person choose what they are told, where and when."""
    form = NotificationSettingsForm(request.POST or None, settings=NotificationSettings.for_user(request.user.pk))
    if request.method == "POST" and form.is_valid():
        inbox.change_settings(user_id=request.user.pk, **form.preferences())
        messages.success(request, "Saved.")
        return redirect("alerts_settings")
    return render(request, "accounts/alerts_settings.html", {"form": form})


def _marked_read(request: AuthenticatedHttpRequest, alert_id: UUID) -> Notification:
    try:
        return inbox.mark_read(user_id=request.user.pk, notification_id=alert_id)
    except Notification.DoesNotExist:
        raise Http404 from None
