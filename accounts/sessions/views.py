"""Ends a user's sessions from the security page."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.sessions import active_sessions
from accounts.users.requests import AuthenticatedHttpRequest


@require_POST
def end_session(request: AuthenticatedHttpRequest, user_session_id: int) -> HttpResponse:
    """End one of the user's sessions. Ending the current one signs out."""
    try:
        device = active_sessions.end_session(user=request.user, session_id=user_session_id)
    except UserSession.DoesNotExist:
        raise Http404 from None
    messages.success(request, _("Signed out: %(device)s.") % {"device": device})
    return redirect("security")


@require_POST
def end_other_sessions(request: AuthenticatedHttpRequest) -> HttpResponse:
    """End all of the user's sessions except the current one."""
    count = active_sessions.end_other_sessions(request, request.user, reason="user")
    messages.success(request, describe_signed_out(count))
    return redirect("security")


def describe_signed_out(count: int) -> str:
    """Return the message that says on how many other devices the user was signed out."""
    if count == 0:
        return _("You weren't signed in on any other device.")
    sentence = ngettext(
        "You're signed out on %(count)d other device.", "You're signed out on %(count)d other devices.", count
    )
    return sentence % {"count": count}
