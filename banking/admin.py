"""The rows of one user's banks that operators can view, with a written reason, to find out why a figure is wrong."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.operators.admin import OperatorAdmin
from banking.models import (
    Account,
    FailedRemoval,
    Item,
    ItemProduct,
    LinkSession,
    ProviderCallCount,
    ReceivedWebhook,
    SyncRun,
    Transaction,
    UnstoredRowCount,
)
from banking.providers import all_providers
from banking.usage.provider_status import get_provider_status
from compliance.isolation.viewer import VIEWER_ALIAS


class BankDataAdmin(OperatorAdmin):
    """Rows of the one user for whom the operator entered a reason."""

    needs_reason = True


@admin.register(Item)
class ItemAdmin(BankDataAdmin):
    """The state of a connection, without the credential, the cursor and the provider's id."""

    data_label = _("Your connections to banks")
    fields = (
        "institution_name", "environment", "connection", "readiness", "connected_at", "checked_at", "data_as_of",
        "removed_at", "failures", "error_code", "request_id", "next_sync_at", "postponed_syncs", "bank_refreshed_at",
        "bank_refreshes",
    )  # fmt: skip
    list_display = ("institution_name", "connection", "readiness", "checked_at", "failures", "error_code")
    change_form_template = "banking/operators/item.html"
    product_columns = ("product", "status", "error_code", "checked_at", "last_ok_at")

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Show the status of each product of the Item below its columns."""
        products = ItemProduct.objects.using(VIEWER_ALIAS).filter(item=context["original"].pk).order_by("product")
        context["products"] = list(products.only(*self.product_columns))
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(ItemProduct)
class ItemProductAdmin(BankDataAdmin):
    """What the provider offers for each Item; the page of an Item shows its own."""

    data_label = _("What we can read from each of your banks")
    list_display = (
        "item_id", "product", "status", "error_code", "checked_at", "last_ok_at", "next_read_at", "skipped_rows",
        "field_errors",
    )  # fmt: skip


@admin.register(Account)
class BankAccountAdmin(BankDataAdmin):
    data_label = _("Your bank accounts and their balances")
    list_display = (
        "name", "mask", "type", "subtype", "current", "available", "limit", "currency", "balance_as_of", "closed_at",
    )  # fmt: skip


@admin.register(Transaction)
class TransactionAdmin(BankDataAdmin):
    """The bank's columns; the user's own notes and categories are private."""

    data_label = _("Your transactions")
    list_display = ("day", "name", "amount", "currency", "pending", "category", "removed_at")
    ordering = ("-day", "-id")


@admin.register(SyncRun)
class SyncRunAdmin(BankDataAdmin):
    data_label = _("Sync history of your banks")
    list_display = (
        "item_id", "trigger", "result", "started_at", "finished_at", "pages", "written", "added", "removed", "restarts",
        "skipped_rows", "field_errors", "bank_refresh", "postponed", "error_code", "request_id",
    )  # fmt: skip


@admin.register(LinkSession)
class LinkSessionAdmin(BankDataAdmin):
    """The state of a link, with the ids for the provider's support, without any token."""

    data_label = _("How you connected banks")
    list_display = (
        "id", "state", "created_at", "claimed_at", "exchange_sent_at", "recovery_attempts", "next_recovery_at",
        "error_code", "exit_status", "link_session_id", "request_id", "is_update_mode", "environment",
    )  # fmt: skip
    ordering = ("-created_at",)


@admin.register(FailedRemoval)
class FailedRemovalAdmin(OperatorAdmin):
    """Connections that a provider still bills, because it has not confirmed their removal.

    They are retried, except those without a next attempt, whose token was lost; see ``manage.py confirm_removal``.
    """

    user_column = "user_id"
    data_label = _("A bank connection that we're removing at the provider")
    list_display = ("user_id", "provider", "environment", "attempts", "next_attempt_at", "error_code")


@admin.register(ReceivedWebhook)
class ReceivedWebhookAdmin(OperatorAdmin):
    """What providers sent, and what followed from it, without the Items. "Missed" ones were sent and did not arrive."""

    user_column = None
    list_display = (
        "received_at", "provider", "environment", "type", "code", "summary", "outcome", "attempts", "next_attempt_at",
        "processed_at", "error_code",
    )  # fmt: skip
    list_filter = ("outcome", "type")


@admin.register(UnstoredRowCount)
class UnstoredRowCountAdmin(OperatorAdmin):
    """What banks sent that could not be stored, by bank and invalid field, added up over all users."""

    user_column = None
    list_display = (
        "institution_name", "provider", "environment", "kind", "reason", "field", "rows", "connections",
        "first_seen_at", "last_seen_at",
    )  # fmt: skip
    list_filter = ("reason", "kind")


@admin.register(ProviderCallCount)
class ProviderCallCountAdmin(OperatorAdmin):
    """Items against the cap, calls against the limits, what waits, and below that the calls of each day."""

    user_column = None
    change_list_template = "accounts/operators/provider_calls.html"
    list_display = ("day", "provider", "environment", "endpoint", "calls", "reserved")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the state of each provider above the list. It names no user, so nobody is told."""
        statuses = [get_provider_status(provider) for provider in all_providers()]
        return super().changelist_view(request, {**(extra_context or {}), "statuses": statuses})
