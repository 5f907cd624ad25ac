"""Ends a user's sessions from the security page."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.sessions import active_sessions
from accounts.users.requests import AuthenticatedHttpRequest


@require_POST
def end_session(request: AuthenticatedHttpRequest, user_session_id: int) -> HttpResponse:
    """End one of the user's sessions; ending the current one signs out."""
    try:
        device = active_sessions.end_session(user=request.user, session_id=user_session_id)
    except UserSession.DoesNotExist:
        raise Http404 from None
    messages.success(request, f"Signed out: {device}.")
    return redirect("security")


@require_POST
def end_other_sessions(request: AuthenticatedHttpRequest) -> HttpResponse:
    """End all of the user's sessions but this one."""
    count = active_sessions.end_other_sessions(request, request.user, reason="user")
    messages.success(request, f"Signed out everywhere else ({count}).")
    return redirect("security")
