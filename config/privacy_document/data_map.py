"""What the registry of personal data says, arranged as the tables of the document."""

import inspect
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compliance.personal_data.holders import DataCategory, DataHolder
from compliance.personal_data.processors import list_processors
from compliance.personal_data.registry import list_holders, list_non_personal
from compliance.retention import FixedRule, RetentionRule, list_fixed_rules, list_rules


@dataclass(frozen=True)
class DataMapRow:
    """What the registry says about one model. ``withheld`` has pairs of column names and their reason."""

    model: str
    label: str
    exported: Sequence[str]
    withheld: Sequence[tuple[Sequence[str], str]]
    technical: Sequence[str]
    kept_for: str
    erasure: str


@dataclass(frozen=True)
class DataMapSection:
    """A category of personal data, and the models that hold it."""

    title: str
    rows: Sequence[DataMapRow]


@dataclass(frozen=True)
class NonPersonalRow:
    """A model without data about people, and why it has none."""

    model: str
    reason: str


@dataclass(frozen=True)
class RetentionRuleRow:
    """A kind of data whose period users choose. ``proposed`` is the choice that forms preselect."""

    label: str
    initial: str
    proposed: str
    choices: Sequence[str]
    stays: str


@dataclass(frozen=True)
class FixedPeriodRow:
    """A kind of data whose period is the same for everyone, and why."""

    label: str
    kept_for: str
    reason: str


@dataclass(frozen=True)
class StoppedProcess:
    """Work on people's data: what ends when a deletion is requested, and what has to end before rows are deleted."""

    name: str
    stop: str
    prepare_erasure: str


def list_sections() -> list[DataMapSection]:
    """List the categories that have models, in the order of ``DataCategory``."""
    rows: defaultdict[DataCategory, list[DataMapRow]] = defaultdict(list)
    for holder in list_holders():
        rows[holder.category].append(describe_holder(holder))
    return [DataMapSection(str(category.label), rows[category]) for category in DataCategory if rows[category]]


def list_non_personal_rows() -> list[NonPersonalRow]:
    """List the models without data about people."""
    return [NonPersonalRow(entry.model._meta.label, entry.reason) for entry in list_non_personal()]


def list_retention_rules() -> list[RetentionRuleRow]:
    """List the rules whose period users choose, in the order in which the apps registered them."""
    return [describe_rule(rule) for rule in list_rules()]


def list_fixed_periods() -> list[FixedPeriodRow]:
    """List the rules that nobody can change, in the order in which the apps registered them."""
    return [describe_fixed_rule(rule) for rule in list_fixed_rules()]


def list_stopped_processes() -> list[StoppedProcess]:
    """List the work of all apps that ends before a person's data is erased."""
    return [
        StoppedProcess(
            processor.name,
            summarize(processor.stop) if processor.stop is not None else "",
            summarize(processor.prepare_erasure),
        )
        for processor in list_processors()
    ]


def describe_holder(holder: DataHolder) -> DataMapRow:
    """Write down one entry of the registry."""
    return DataMapRow(
        model=holder.model._meta.label,
        label=str(holder.label),
        exported=holder.exported,
        withheld=_group_by_reason(holder.withheld),
        technical=sorted(holder.technical),
        kept_for=str(holder.kept_for),
        erasure=_describe_erasure(holder),
    )


def describe_rule(rule: RetentionRule) -> RetentionRuleRow:
    """Write down one rule whose period users choose."""
    return RetentionRuleRow(
        label=str(rule.label),
        initial=str(rule.label_for(rule.initial_days)),
        proposed=str(rule.label_for(rule.preselected_days)),
        choices=[str(choice.label) for choice in rule.choices],
        stays=str(rule.stays),
    )


def describe_fixed_rule(rule: FixedRule) -> FixedPeriodRow:
    """Write down one rule that nobody can change."""
    return FixedPeriodRow(label=str(rule.label), kept_for=str(rule.how_long), reason=str(rule.reason))


def _group_by_reason(withheld: Mapping[str, Any]) -> list[tuple[list[str], str]]:
    columns: defaultdict[str, list[str]] = defaultdict(list)
    for column, reason in withheld.items():
        columns[str(reason)].append(column)
    return [(names, reason) for reason, names in columns.items()]


def _describe_erasure(holder: DataHolder) -> str:
    if holder.kept_after_erasure:
        return f"Kept. {holder.kept_after_erasure}"
    return summarize(holder.erase) if holder.erase is not None else "Deleted."


def summarize(function: Callable[..., object]) -> str:
    """Return the first sentence of a function's docstring, as Markdown. Raises ``ValueError`` if there is none."""
    docstring = inspect.getdoc(function)
    if not docstring:
        raise ValueError(f"{function!r} has no docstring that says what it does.")
    first_line = docstring.partition("\n")[0]
    return first_line.partition(". ")[0].rstrip(".").replace("``", "`") + "."
