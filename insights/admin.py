"""What operators see of figures."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.operators.admin import OperatorAdmin
from insights.models import FigureDifference


@admin.register(FigureDifference)
class FigureDifferenceAdmin(OperatorAdmin):
    """Figures that differed from the rows behind them in the last nightly check, the oldest difference first."""

    user_column = "user_id"
    data_label = _("A figure that differs from the transactions behind it")
    list_display = ("user_id", "kind", "since", "until", "differs_since")
