"""Read-only admin pages of a model's rows; every row that is shown is recorded for its user."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from accounts.operators import break_glass
from compliance.audit import Action, record
from compliance.isolation.viewer import VIEWER_ALIAS, operator_view

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PAGE_SIZE: Final = 25


View = Callable[..., Any]


class OperatorAdmin(admin.ModelAdmin):
    """A read-only list of a model's rows, with a page for each row if ``fields`` names more columns.

    Name the columns: none is shown by default, and a migration has to grant each to the operators' database role as
    well (``GrantOperatorRead``). ``user_column`` has the id of the user whose row it is; None for rows without a user.
    ``data_label`` tells that user in their data access log what was viewed. With ``needs_reason``, rows are shown only
    with a break-glass grant.
    """

    user_column: str | None = "owner_id"
    data_label: "StrOrPromise" = ""
    needs_reason = False

    actions = None
    change_form_template = "accounts/operators/row.html"
    list_per_page = list_max_show_all = PAGE_SIZE
    show_full_result_count = False

    # --- What is shown ------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Return the list, and the page of a row if there is one. Pages that change rows have no URL."""
        suffixes = ("_changelist", "_change") if self.fields else "_changelist"
        return [pattern for pattern in super().get_urls() if str(pattern.name).endswith(suffixes)]

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        """Link the first column if rows have a page."""
        return super().get_list_display_links(request, list_display) if self.fields else None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Select the named columns of every row that the operators' database role can read."""
        return super().get_queryset(request).using(VIEWER_ALIAS).only(*self.columns())

    def columns(self) -> set[str]:
        return {self.opts.pk.attname, *filter(None, [self.user_column]), *self.list_display, *(self.fields or ())}

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Allow filters by shown columns only. Filters by others would reveal hidden values by trial and error."""
        name, _, rest = lookup.partition(LOOKUP_SEP)
        return name in self.columns() and rest in ("", "exact")

    # --- Viewing ------------------------------------------------------------------------------------------

    @method_decorator(require_safe)
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return self._show(request, super().changelist_view, extra_context)

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return self._show(request, super().change_view, object_id, form_url, extra_context)

    def _show(self, request: Any, view: View, *args: Any) -> HttpResponse:
        """Render a page through the operators' database role, and record it for each user on it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        grant = break_glass.current_grant(request.session) if self.needs_reason else None
        if self.needs_reason and grant is None:
            context = self.admin_site.each_context(request) | {"title": "Reason required"}
            return TemplateResponse(request, "accounts/operators/reason_needed.html", context, status=403)
        with operator_view(UUID(grant.user_id) if grant else None):
            response: HttpResponse = view(request, *args)
            if isinstance(response, TemplateResponse) and response.context_data is not None:
                if grant:
                    response.context_data["subtitle"] = f"User {grant.user_id}, until {grant.expires_at_text}"
                self._record(request, _displayed_rows(response.context_data), grant)
                response.render()
            return response

    def _record(self, request: Any, rows: Iterable[Any], grant: break_glass.BreakGlassGrant | None) -> None:
        # With a break-glass grant, a page without rows is recorded too.
        ids_by_user: dict[UUID, list[str]] = {UUID(grant.user_id): []} if grant else {}
        role = break_glass.describe_role(request.user)
        for row in rows if self.user_column else ():
            # A row of a user who was erased names nobody.
            if (user_id := getattr(row, str(self.user_column))) is not None:
                ids_by_user.setdefault(user_id, []).append(str(row.pk))
        for user_id, ids in ids_by_user.items():
            record(
                Action.OPERATOR_VIEW,
                actor=request.user,
                subject=user_id,
                resource=str(self.opts.model_name),
                resource_id=ids[0] if len(ids) == 1 else "",
                what=self.opts.label_lower,
                rows=ids,
                role=role,
                reason=grant.reason if grant else "",
            )

    def _get_obj_does_not_exist_redirect(self, *_: Any) -> HttpResponse:
        # Django would redirect with a message. A row that does not exist and one that is hidden both give 404.
        raise Http404

    # --- Read-only ----------------------------------------------------------------------------------------

    def has_add_permission(self, *_: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any) -> bool:
        return False

    def has_delete_permission(self, *_: Any) -> bool:
        return False


def _displayed_rows(context: dict[str, Any]) -> Iterable[Any]:
    return [context["original"]] if "original" in context else context["cl"].result_list
