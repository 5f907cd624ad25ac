"""The operators' site: Django's admin, read-only.

It requires staff with a second factor, and reads through a database role that can write nothing and cannot read
secrets. Every row that it shows is recorded in the audit trail of the user whose row it is.
"""

from functools import wraps
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID

from allauth.account import views as account
from csp.constants import SELF
from csp.decorators import csp_replace
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe
from django_otp.admin import OTPAdminSite

from accounts.mfa import step_up
from accounts.operators import break_glass
from accounts.operators.admin import OperatorAdmin, View
from accounts.users.models import User
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.consent import count_consents_by_version

# Pages that would show rows without recording it, and a page that is not used.
EXCLUDED_URL_NAMES: Final = {"autocomplete", "view_on_site", "password_change_done"}


class OperatorSite(OTPAdminSite):
    """The site at ``ADMIN_PATH``. Users who are not staff get 404."""

    site_header = site_title = "Plumbline operators"
    index_title = "User data"
    index_template = "accounts/operators/index.html"
    site_url = None
    final_catch_all_view = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register only an ``OperatorAdmin``. Admin classes of other packages could write and show all fields."""
        if admin_class is not None and issubclass(admin_class, OperatorAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the pages that are used, the one that asks for a reason, and the counts of consents."""
        patterns = [
            pattern for pattern in super().get_urls() if getattr(pattern, "name", None) not in EXCLUDED_URL_NAMES
        ]
        ask = self.admin_view(step_up.require_fresh_sign_in(self.break_glass))
        counts = self.admin_view(self.show_consent_counts)
        return [
            path("break-glass/<uuid:user_id>/", ask, name="break_glass"),
            path("consents/", counts, name="consent_counts"),
            *patterns,
        ]

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Require staff with a second factor, and set a content security policy that allows the admin's scripts."""
        inner = super().admin_view(view, cacheable)

        @csp_replace({"script-src": [SELF], "require-trusted-types-for": None, "trusted-types": None})
        @wraps(inner)
        def page(request: Any, *args: object, **options: object) -> HttpResponse:
            if not request.user.is_staff:
                raise Http404
            if not self.has_permission(request):
                return step_up.redirect_to_reauthentication(request)
            if "\0" in unquote(f"{request.path_info}?{request.META['QUERY_STRING']}"):
                raise BadRequest("The URL contains a NUL.")
            return inner(request, *args, **options)

        return page

    @method_decorator(login_not_required)
    def login(self, request: Any, extra_context: Any = None) -> HttpResponse:
        """Redirect anonymous users to the site's own sign-in."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next", reverse("admin:index")))
        if not request.user.is_staff:
            raise Http404
        return redirect("admin:index")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Sign out by allauth."""
        return account.logout(request)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the site's own page for passwords."""
        return redirect("account_change_password")

    def break_glass(self, request: AuthenticatedHttpRequest, user_id: UUID) -> HttpResponse:
        """Ask for a reason, and give access to one user's bank and credit data for 15 minutes."""
        if not any(page.needs_reason and page.has_view_permission(request) for page in self._registry.values()):
            raise PermissionDenied
        user = get_object_or_404(User, pk=user_id)
        form = break_glass.BreakGlassForm(request.POST or None)
        if form.is_valid():
            grant = break_glass.break_glass(request=request, user=user, reason=form.cleaned_data["reason"])
            messages.success(
                request, f"You can view the bank and credit data of {user_id} until {grant.expires_at_text}."
            )
            return redirect("admin:index")
        context = self.each_context(request) | {"form": form, "user_id": user_id, "title": "Enter a reason"}
        return TemplateResponse(request, "accounts/operators/break_glass.html", context)

    @method_decorator(require_safe)
    def show_consent_counts(self, request: HttpRequest) -> HttpResponse:
        """Show how many users each version of each text is in force for. It names no user, so nobody is told."""
        context = self.each_context(request) | {"counts": count_consents_by_version(), "title": "Consents by version"}
        return TemplateResponse(request, "accounts/operators/consent_counts.html", context)
