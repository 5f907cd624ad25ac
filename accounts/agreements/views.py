"""The page on which a user agrees to the current terms and privacy notice."""

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from accounts.agreements import required_texts
from accounts.agreements.forms import AgreementForm
from accounts.users.requests import AuthenticatedHttpRequest


@require_http_methods(["GET", "HEAD", "POST"])
def agree(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Ask for what the user has not agreed to yet, and go on to the page that they wanted."""
    user, target = request.user, read_target(request)
    missing = required_texts.list_missing(user_id=user.pk)
    form = AgreementForm(request.POST if request.method == "POST" else None, missing=missing)
    if missing and not form.is_valid():
        context = {"form": form, "next": target, "is_new": len(missing) == len(form.base_fields)}
        return render(request, "accounts/agree.html", context, status=422 if form.is_bound else 200)
    required_texts.agree(user=user, missing=missing)
    required_texts.remember_agreed_versions(request.session, user_id=user.pk)
    # Not ``redirect``, which would look up a bare word as a view's name.
    return HttpResponseRedirect(target or reverse("overview"))


def read_target(request: AuthenticatedHttpRequest) -> str:
    """Return the page of this site to go on to; empty if the request names none."""
    target = request.POST.get(REDIRECT_FIELD_NAME, "") or request.GET.get(REDIRECT_FIELD_NAME, "")
    hosts, is_secure = {request.get_host()}, request.is_secure()
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=hosts, require_https=is_secure) else ""
