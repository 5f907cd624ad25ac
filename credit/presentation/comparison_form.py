"""The form that selects two reports to compare. A report of another user is a field error."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol, cast
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from credit.analysis.bands import PROVIDERS
from credit.analysis.labels import format_date
from credit.report import PartialDate

UNKNOWN = _("Choose a report from the list.")


class ReportChoice(Protocol):
    """A report as ``credit.stored.reports`` lists it."""

    @property
    def id(self) -> UUID: ...
    @property
    def provider(self) -> str: ...
    @property
    def reported_on(self) -> date | None: ...
    @property
    def pulled_at(self) -> datetime: ...


class ComparisonForm(forms.Form):
    """Two reports of one user. Without a selection it proposes the newest two."""

    before = forms.ChoiceField(label=_("Earlier report"), error_messages={"invalid_choice": UNKNOWN})
    after = forms.ChoiceField(label=_("Later report"), error_messages={"invalid_choice": UNKNOWN})

    def __init__(self, data: Mapping[str, str] | None, *, reports: Sequence[ReportChoice]) -> None:
        newest = [str(report.id) for report in reports[:2]]
        super().__init__(data, initial={"before": newest[-1], "after": newest[0]} if newest else None)
        choices = [(str(report.id), _label(report)) for report in reports]
        for name in ("before", "after"):
            cast(forms.ChoiceField, self.fields[name]).choices = choices

    def selected_reports(self) -> tuple[UUID, UUID]:
        """Return the ids of the two selected reports, after ``is_valid``."""
        return UUID(self.cleaned_data["before"]), UUID(self.cleaned_data["after"])


def _label(report: ReportChoice) -> str:
    day = report.reported_on or report.pulled_at.date()
    return f"{format_date(PartialDate(day))}, {PROVIDERS.get(report.provider, report.provider)}"
