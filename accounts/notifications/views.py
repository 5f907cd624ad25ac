"""The list of notifications, its buttons, and the settings."""

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.notifications import inbox
from accounts.notifications.forms import MarkAllReadForm, NotificationSettingsForm
from accounts.notifications.models import Notification, NotificationSettings
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit.daily_access import DataKind, record_data_access

MAX_PAGE_DIGITS: Final = 4


@require_safe
def show_notifications(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show a page of the user's notifications, the unread first."""
    number = request.GET.get("page", "")
    page = int(number) if number.isdecimal() and len(number) <= MAX_PAGE_DIGITS else 0
    notifications = inbox.list_notifications(user_id=request.user.pk, page=page)
    context = {
        "notifications": notifications[: inbox.PAGE_SIZE],
        "older_url": f"?page={page + 1}" if len(notifications) > inbox.PAGE_SIZE else "",
        "newer_url": f"?page={page - 1}" if page else "",
        "is_first": not page,
        "until": timezone.now().isoformat(),
    }
    if notifications:
        record_data_access(request.user.pk, DataKind.NOTIFICATIONS)
    return render(request, "accounts/alerts.html", context)


@require_safe
def open_notification(request: AuthenticatedHttpRequest, notification_id: UUID) -> HttpResponse:
    """Redirect to the page that a notification is about. This GET only marks the notification as read."""
    return HttpResponseRedirect(_mark_read(request, notification_id).url or reverse("notifications"))


@require_POST
def mark_read(request: AuthenticatedHttpRequest, notification_id: UUID) -> HttpResponse:
    """Mark one notification as read, without opening its page."""
    _mark_read(request, notification_id)
    return redirect("notifications")


@require_POST
def mark_all_read(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Mark as read all notifications up to the time when the page was rendered, also those on other pages."""
    form = MarkAllReadForm(request.POST)
    if form.is_valid():
        inbox.mark_all_read(user_id=request.user.pk, until=form.cleaned_data["until"])
    return redirect("notifications")


@require_http_methods(["GET", "HEAD", "POST"])
def change_settings(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show and save the user's notification settings."""
    settings = NotificationSettings.for_user(request.user.pk)
    form = NotificationSettingsForm(request.POST or None, settings=settings)
    if request.method == "POST" and form.is_valid():
        inbox.change_settings(user_id=request.user.pk, **form.preferences())
        messages.success(request, _("Alert settings saved."))
        return redirect("notification_settings")
    return render(request, "accounts/alerts_settings.html", {"form": form})


def _mark_read(request: AuthenticatedHttpRequest, notification_id: UUID) -> Notification:
    try:
        return inbox.mark_read(user_id=request.user.pk, notification_id=notification_id)
    except Notification.DoesNotExist:
        raise Http404 from None
