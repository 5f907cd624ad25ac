"""Personal data: which fields of which models are about a person, and what becomes of them.

Each app registers a ``DataHolder`` for each of its models with data about people, and the reason why each other model
has none. Export, erasure and ``docs/privacy.md`` follow from the registry; a test fails for an unclaimed field.
"""

from compliance.personal_data.export_files import (
    AttachedFiles,
    ExportFile,
    RestoredRows,
    UnreadableValue,
    WithheldRows,
)
from compliance.personal_data.holders import DataCategory, DataHolder, NonPersonalModel
from compliance.personal_data.registry import register, register_non_personal

__all__ = [
    "AttachedFiles",
    "DataCategory",
    "DataHolder",
    "ExportFile",
    "NonPersonalModel",
    "RestoredRows",
    "UnreadableValue",
    "WithheldRows",
    "register",
    "register_non_personal",
]
