"""SQL expressions that write a column as it is in an export: in CSV for spreadsheets, in JSON for programs.

PostgreSQL writes the files of large tables itself (``COPY``), four times as fast as Python. ``row_values`` writes the
same in Python, for rows that Python has to read.
"""

from typing import Any, Final, TypeAlias

from django.db import connection
from django.db.models import Field, ForeignKey

from formats.spreadsheets import build_pattern

Column: TypeAlias = "Field[Any, Any]"

TIME_FORMAT: Final = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
NUMBER_TYPES: Final = ("smallint", "integer", "bigint", "serial", "bigserial")
# Names that PostgreSQL gives to parts of types: ``varchar(20)``, ``numeric(28, 10)``.
TEXT_TYPES: Final = ("varchar", "text", "char")


def get_base_type(column: Column) -> str:
    """Return the type of a column in PostgreSQL without its size, such as ``numeric``."""
    if isinstance(column, ForeignKey):
        return str(column.target_field.rel_db_type(connection)).partition("(")[0]
    return str(column.db_type(connection)).partition("(")[0]


def quote_column(column: Column) -> str:
    """Return the quoted name of a column."""
    return connection.ops.quote_name(str(column.column))


def build_csv_expression(column: Column) -> str:
    """Return the SQL of a column in a CSV file; NULL is empty there."""
    name, base_type = quote_column(column), get_base_type(column)
    if base_type == "timestamp with time zone":
        return _iso_time(name)
    if base_type == "numeric":
        return f"trim_scale({name})"
    if base_type == "boolean":
        return f"{name}::text"
    if base_type in TEXT_TYPES or base_type == "jsonb":
        return _escape_formula(name if base_type in TEXT_TYPES else f"{name}::text")
    return _text_of(name, base_type)


def build_json_expression(columns: dict[str, Column]) -> str:
    """Return the SQL of a row as one JSON object, with the columns by their names in the file.

    One call of ``concat``, because ``json_build_object`` and ``row_to_json`` look up the type of every value. The names
    and punctuation between two values are one constant.
    """
    arguments, constant = [], "{"
    for number, (name, column) in enumerate(columns.items()):
        constant += ("," if number else "") + f'"{name}":'
        before, expression, after = _json_value(column)
        arguments += [f"'{constant}{before}'", expression]
        constant = after
    return f"concat({', '.join(arguments)}, '{constant}}}')"


def _json_value(column: Column) -> tuple[str, str, str]:
    """Return what stands before, in and after a value. The outer parts are constants; a nullable column has none.

    ``concat`` writes each type as text, so that a cast would only take time.
    """
    name, base_type = quote_column(column), get_base_type(column)
    before, expression, after = '"', name, '"'
    if base_type in NUMBER_TYPES or base_type == "jsonb":
        before, after = "", ""
    elif base_type in TEXT_TYPES:
        before, expression, after = "", f"to_json({name})", ""
    elif base_type == "boolean":
        before, expression, after = "", f"CASE WHEN {name} THEN 'true' ELSE 'false' END", ""
    elif base_type == "numeric":
        expression = f"trim_scale({name})"
    elif base_type == "timestamp with time zone":
        expression = _iso_time(name)
    elif base_type in ("bytea", "inet"):
        expression = _text_of(name, base_type)
    if not column.null:
        return before, expression, after
    return "", f"CASE WHEN {name} IS NULL THEN 'null' ELSE concat('{before}', {expression}, '{after}') END", ""


def _escape_formula(text: str) -> str:
    # ``formats.spreadsheets.escape_formula`` in SQL, at the beginning of texts only: ``escape_separated_formulas`` does
    # the rest. Most texts are empty or begin with an ASCII digit or letter, which is faster to find; no character in
    # these ranges is part of the pattern.
    is_harmless = f"{text} = '' OR ascii({text}) BETWEEN 48 AND 60 OR ascii({text}) BETWEEN 65 AND 126"
    return f"CASE WHEN {is_harmless} THEN {text} WHEN {text} ~ '{build_pattern()}' THEN '''' || {text} ELSE {text} END"


def _text_of(name: str, base_type: str) -> str:
    if base_type == "bytea":
        return f"translate(encode({name}, 'base64'), E'\\n', '')"
    return f"host({name})" if base_type == "inet" else f"{name}::text"


def _iso_time(name: str) -> str:
    return f"to_char({name} AT TIME ZONE 'UTC', '{TIME_FORMAT}')"
