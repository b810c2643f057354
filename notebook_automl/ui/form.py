"""The form's side of a search: what may be chosen, and its line of Python."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from notebook_automl.api.search import Search
from notebook_automl.errors import AutoMLError, SearchError, nearest
from notebook_automl.source.literals import literal
from notebook_automl.ui import options
from notebook_automl.ui.candidates import Choice, names_in, path_in, targets

MODULE = "automl"
"""What this package is called in the cells of a form."""

# Where the form keeps what a cell spreads into the call.
_MORE = "**"
_MAIN = ("data", "target", "task", "metric", "minutes")
FIELDS = {field.name: field for field in fields(Search)}
"""The fields of `Search`, by name."""
_HINTS = get_type_hints(Search)
# A magic and what it is called, or a command of the system.
_MAGIC = re.compile(r"\s*(?:%%?(?P<name>\w+)|!|%)\s*")


class Expression(str):
    """A value that stands in a cell as code which only the cell can evaluate."""


def defaults() -> dict[str, Any]:
    """What fields are that nobody has filled in."""
    return {
        name: field.default
        for name, field in FIELDS.items()
        if field.default is not None
    }


def form_fields(data: Any, task: str, names: list[Choice]) -> list[Any]:
    """Every field of `Search` as the page draws it.

    Args:
        data: The data that were chosen, or None.
        task: Whose metrics may be chosen; "auto" for those of all tasks.
        names: The variables that may be chosen.
    """
    columns = targets(data)
    lists = {"data": names, "target": columns, "group": columns, "time": columns}
    return [_field(name, lists.get(name), task) for name in _ordered()]


def _ordered() -> list[str]:
    # Further data are typed in the cell, which keeps them.
    kinds = {name: FIELDS[name].metadata.get("typed") for name in options.typable()}
    return [*_MAIN, *(n for n in kinds if n not in _MAIN and kinds[n] != "data")]


def _field(name: str, choices: list[Choice] | None, task: str) -> dict[str, Any]:
    field = FIELDS[name]
    if choices is None:
        choices = [Choice(value, value) for value in options.choices(name, task)]
    kind = next(iter(get_args(_HINTS[name])), _HINTS[name])
    kinds = {int: "int", float: "float"}
    choosable = bool(choices) or name in ("data", "target", "group", "time")
    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "kind": "choice" if choosable else kinds.get(kind, "text"),
        "choices": [vars(choice) for choice in choices] if choosable else None,
        "default": None if name == "data" else field.default,
        "help": str(field.metadata["help"]),
        "proposed": None,
        "detail": "",
        "group": "main" if name in _MAIN else "more",
    }


def call(values: Mapping[str, Any], module: str) -> str:
    """The search as Python.

    Args:
        values: What the form holds; the data as an expression.
        module: What this package is called in the notebook.
    """
    given = [
        f"{name}={_code(values[name])}"
        for name in list(FIELDS)[1:]
        if name in values and values[name] != FIELDS[name].default
    ]
    given += [f"**{values[_MORE]}"] if _MORE in values else []
    return f"{module}.Search({', '.join([str(values.get('data') or ''), *given])})"


def _code(value: Any) -> str:
    return str(value) if isinstance(value, Expression) else literal(value)


def line(values: Mapping[str, Any]) -> str:
    """The line of Python that the form stands for; empty without data.

    Args:
        values: What the form holds.
    """
    return f"{call(values, MODULE)}.start()" if values.get("data") else ""


def new_cell(values: Mapping[str, Any], module: str, known: bool) -> str:
    """A cell that starts the search and shows it.

    Args:
        values: What the form holds.
        module: What this package is called in the cell.
        known: Whether it is imported under that name already.
    """
    first = "" if known else f"import notebook_automl as {module}\n\n"
    return f"{first}run = {call(values, module)}.start()\nrun"


def written(source: str, values: Mapping[str, Any]) -> str:
    """A cell with another search in the place of its own; all else stays.

    Args:
        source: The cell as it is.
        values: What the form holds.

    Raises:
        SearchError: There is no `Search(...)` in it.
    """
    old = _search_in(source)
    lines = source.encode().splitlines(keepends=True)
    begin = sum(map(len, lines[: old.lineno - 1])) + old.col_offset
    end_line, end_offset = old.end_lineno or 0, old.end_col_offset or 0
    end = sum(map(len, lines[: end_line - 1])) + end_offset
    name = ast.unparse(old.func)
    module = name.rpartition(".")[0]
    new = call(values, module) if module else call(values, "").lstrip(".")
    text = source.encode()
    return (text[:begin] + new.encode() + text[end:]).decode()


def read(source: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What a cell asks for.

    Args:
        source: The cell.

    Returns:
        The values of the fields that stand in it, the data as an expression, others
        that are no literals as `Expression`; and what is wrong, by field.

    Raises:
        SearchError: There is no `Search(...)` in it, or it is no Python.
    """
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, node in _arguments(_search_in(source)):
        if name == _MORE and _MORE in values:
            values[name] = Expression(f"{values[name]}, **{ast.unparse(node)}")
        elif name not in FIELDS and name != _MORE:
            errors[""] = (
                f"Expected an option of Search, got {name!r} (str)."
                f"{nearest(name, FIELDS)}"
            )
        elif name == "data" and (path := path_in(node)):
            values[name] = literal(path)
        elif name == "data" and names_in(node):
            values[name] = ast.unparse(node)
        else:
            values[name] = _value_of(name, node)
    return values, errors


def _value_of(name: str, node: ast.expr) -> Any:
    if name not in ("data", _MORE):
        with contextlib.suppress(ValueError):
            return ast.literal_eval(node)
    return Expression(ast.unparse(node))


def _search_in(source: str) -> ast.Call:
    plain = source if _is_python(source) else _without_magics(source)
    try:
        tree = ast.parse(plain)
    except SyntaxError as error:
        raise SearchError(
            f"Expected Python in the cell below, got an error in line {error.lineno}: "
            f"{error.msg}."
        ) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) == "Search":
            return node
    raise SearchError(
        "Expected automl.Search(...) in the cell below, got a cell without it."
    )


def _without_magics(source: str) -> str:
    """The same places and bytes with IPython's own syntax blanked out."""
    lines = []
    for line in source.split("\n"):
        magic = _MAGIC.match(line)
        if magic is not None:
            rest = line[magic.end() :]
            kept = rest if magic["name"] and _is_python(rest.strip()) else ""
            line = " " * len(line.encode()[: -len(kept.encode()) or None]) + kept
            # What stood behind a magic stands alone: nothing may be before it.
            line = f"0;{line[2:]}" if kept else line
        lines.append(line)
    return "\n".join(lines)


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _called(func: ast.expr) -> str:
    return getattr(func, "attr", getattr(func, "id", ""))


def _arguments(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    for name, argument in zip(FIELDS, node.args, strict=False):
        yield ("*" if isinstance(argument, ast.Starred) else name), argument
    for keyword in node.keywords:
        yield keyword.arg or _MORE, keyword.value


def literals(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are known here, without the data.

    Args:
        values: What the form holds.
    """
    return {
        name: value
        for name, value in values.items()
        if name != "data" and not isinstance(value, Expression)
    }


def check(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with each field by itself.

    Args:
        values: What the form holds; the data and expressions are left out.

    Returns:
        Messages, by field.
    """
    errors = {}
    for name, value in literals(values).items():
        try:
            Search(**{name: value})
        except AutoMLError as error:
            errors[error.field or name] = str(error)
    return errors
