"""The operators' site: Django's admin, for looking only.

It wants a member of staff whose session has a second factor, reads through a role of the database that can write
nothing and was never shown a secret, and puts every look at somebody's row into that person's own audit trail.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID

from allauth.account import views as account
from csp.constants import SELF
from csp.decorators import csp_replace
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe
from django_otp.admin import OTPAdminSite

from accounts import glass, step_up
from accounts.models import User
from accounts.requests import PersonRequest
from compliance.audit import Action, record
from compliance.isolation.viewer import VIEWER, viewing

ROWS: Final = 25
# Looks that would stand in no trail, and a page that says nothing.
LEFT_OUT: Final = {"autocomplete", "view_on_site", "password_change_done"}

View = Callable[..., Any]


class OperatorSite(OTPAdminSite):
    """The site at ``ADMIN_PATH``. Whoever is no member of staff finds nothing there."""

    site_header = site_title = "Plumbline operators"
    index_title = "What you may look at"
    index_template = "accounts/operators/index.html"
    site_url = None
    final_catch_all_view = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take a model with an ``OperatorAdmin`` of ours; those of other packages write and show all fields."""
        if admin_class is not None and issubclass(admin_class, OperatorAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Every page that is used, and the one that asks for a reason."""
        kept = [each for each in super().get_urls() if getattr(each, "name", None) not in LEFT_OUT]
        ask = self.admin_view(step_up.fresh_sign_in(self.break_glass))
        return [path("break-glass/<uuid:person_id>/", ask, name="break_glass"), *kept]

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Guard a page: staff with a second factor only, under a policy that the admin's own scripts can live with."""
        inner = super().admin_view(view, cacheable)

        @csp_replace({"script-src": [SELF], "require-trusted-types-for": None, "trusted-types": None})
        @wraps(inner)
        def page(request: Any, *args: object, **options: object) -> HttpResponse:
            if not request.user.is_staff:
                raise Http404
            if not self.has_permission(request):
                return step_up.ask(request)
            if "\0" in unquote(f"{request.path_info}?{request.META['QUERY_STRING']}"):
                raise BadRequest("No column holds a NUL.")
            return inner(request, *args, **options)

        return page

    @method_decorator(login_not_required)
    def login(self, request: Any, extra_context: Any = None) -> HttpResponse:
        """Lead strangers to the one sign-in that there is."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next", reverse("admin:index")))
        if not request.user.is_staff:
            raise Http404
        return redirect("admin:index")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Sign out as everywhere else."""
        return account.logout(request)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Change the password where everybody does."""
        return redirect("account_change_password")

    def break_glass(self, request: PersonRequest, person_id: UUID) -> HttpResponse:
        """Ask for the reason to look at one person's bank and credit data, and open it for a while."""
        if not any(each.needs_reason and each.has_view_permission(request) for each in self._registry.values()):
            raise PermissionDenied
        person = get_object_or_404(User, pk=person_id)
        form = glass.ReasonForm(request.POST or None)
        if form.is_valid():
            leave = glass.break_glass(request=request, person=person, reason=form.cleaned_data["reason"])
            messages.success(request, f"Until {leave.until_words} you may look at bank and credit data of {person_id}.")
            return redirect("admin:index")
        context = self.each_context(request) | {"form": form, "person_id": person_id, "title": "Give a reason"}
        return TemplateResponse(request, "accounts/operators/break_glass.html", context)


class OperatorAdmin(admin.ModelAdmin):
    """Rows to look at: always as a list, and one by one where ``fields`` says what more there is to see.

    Name the columns: none is shown unasked, and a migration has to show them to the operators' role of the database
    as well (``ShowOperators``). ``person`` is the column that holds the id of the person whose row it is, None for rows
    of nobody; ``what`` tells that person what was looked at; ``needs_reason`` keeps the rows behind the glass.
    """

    person: str | None = "owner_id"
    what = ""
    needs_reason = False

    actions = None
    change_form_template = "accounts/operators/row.html"
    list_per_page = list_max_show_all = ROWS
    show_full_result_count = False

    # --- What is shown ------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """The list, and the single row where there is one; what would change a row has no address."""
        kept = ("_changelist", "_change") if self.fields else "_changelist"
        return [each for each in super().get_urls() if str(each.name).endswith(kept)]

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        """The first column, where there is a page that it can lead to."""
        return super().get_list_display_links(request, list_display) if self.fields else None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Every column that is shown."""
        return self.fields or ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """The columns that are shown, of every row that the database lets operators see."""
        return super().get_queryset(request).using(VIEWER).only(*self.columns())

    def columns(self) -> set[str]:
        """The columns that are read."""
        return {self.opts.pk.attname, *filter(None, [self.person]), *self.list_display, *(self.fields or ())}

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Whether rows may be filtered so: by what shown columns hold. Others answer guesses at what is hidden."""
        name, _, rest = lookup.partition(LOOKUP_SEP)
        return name in self.columns() and rest in ("", "exact")

    # --- Looking ------------------------------------------------------------------------------------------

    @method_decorator(require_safe)
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show a page of rows."""
        return self._show(request, super().changelist_view, extra_context)

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one row."""
        return self._show(request, super().change_view, object_id, form_url, extra_context)

    def _show(self, request: Any, view: View, *args: Any) -> HttpResponse:
        """Render a page through the operators' role, and record the look with each person on it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        leave = glass.leave_of(request.session) if self.needs_reason else None
        if self.needs_reason and leave is None:
            context = self.admin_site.each_context(request) | {"title": "A reason is needed"}
            return TemplateResponse(request, "accounts/operators/reason_needed.html", context, status=403)
        with viewing(UUID(leave.person) if leave else None):
            response: HttpResponse = view(request, *args)
            if isinstance(response, TemplateResponse) and response.context_data is not None:
                if leave:
                    response.context_data["subtitle"] = f"Of person {leave.person}, until {leave.until_words}"
                self._record(request, _rows(response.context_data), leave)
                response.render()
            return response

    def _record(self, request: Any, rows: Iterable[Any], leave: glass.Leave | None) -> None:
        # With leave, a look that finds nothing is one too.
        seen: dict[UUID, list[str]] = {UUID(leave.person): []} if leave else {}
        role = glass.role_of(request.user)
        for row in rows if self.person else ():
            seen.setdefault(getattr(row, str(self.person)), []).append(str(row.pk))
        for person, ids in seen.items():
            record(
                Action.OPERATOR_VIEW,
                actor=request.user,
                subject=person,
                resource=str(self.opts.model_name),
                resource_id=ids[0] if len(ids) == 1 else "",
                what=self.what,
                rows=ids,
                role=role,
                reason=leave.reason if leave else "",
            )

    def _get_obj_does_not_exist_redirect(self, *_: Any) -> HttpResponse:
        # Django would say so on the first page; a row that may not be seen is answered in the same way.
        raise Http404

    # --- Not changing -------------------------------------------------------------------------------------

    def has_add_permission(self, *_: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any) -> bool:
        return False

    def has_delete_permission(self, *_: Any) -> bool:
        return False


def _rows(shown: dict[str, Any]) -> Iterable[Any]:
    return [shown["original"]] if "original" in shown else shown["cl"].result_list
