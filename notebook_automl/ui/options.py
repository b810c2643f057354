"""The fields of `Search` as options of a command line; the one place that does so."""

from __future__ import annotations

import argparse
import ast
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, NoReturn, get_args, get_type_hints

from notebook_automl.api.search import Search
from notebook_automl.data._files import seen
from notebook_automl.errors import SearchError, nearest, received
from notebook_automl.record.schema import Schema, Target
from notebook_automl.search._tuner import TUNERS
from notebook_automl.search.pruners._pruner import PRUNERS
from notebook_automl.source.backends import CHOICES as BACKENDS
from notebook_automl.source.literals import literal
from notebook_automl.tasks._task import TASKS

_FIELDS: dict[str, Field[Any]] = {field.name: field for field in fields(Search)}
# Metrics are named by their task, for any data; these are the least that can be.
_ANY_DATA = Schema(
    source="",
    variables=(),
    rows=0,
    columns=(),
    shape=None,
    dtype="",
    target=Target(None, "str", None, None, 0),
    fingerprint="",
    bytes=0,
)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours: none of them ends the process.

    Args:
        prog: What is typed before the arguments.
        about: What it does, for its help.
    """

    def __init__(self, prog: str, about: str) -> None:
        super().__init__(prog, description=about, add_help=False, allow_abbrev=False)

    def read(self, words: list[str]) -> argparse.Namespace:
        """Read a command line.

        Args:
            words: The arguments.

        Raises:
            SearchError: They cannot be understood.
        """
        arguments, unknown = self.parse_known_args(words)
        if unknown:
            self.error(
                f"unexpected argument {unknown[0]!r}."
                f"{nearest(unknown[0], self.options())} Put quotes around a name with "
                "spaces"
            )
        return arguments

    def options(self) -> dict[str, bool]:
        """The options with their dashes, and whether a value follows."""
        return {
            name: action.nargs != 0
            for action in self._actions
            for name in action.option_strings
        }

    def positionals(self) -> list[str]:
        """The names of the arguments without dashes, in their order."""
        return [action.dest for action in self._actions if not action.option_strings]

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise SearchError(f"{self.prog}: {message}. Type {self.prog} --help.")


def add_options(parser: Parser, *names: str) -> None:
    """Add fields of `Search` as options; what is not typed is not in the result.

    Args:
        parser: Takes the options.
        *names: The fields; all but the data if none is named.
    """
    hints = get_type_hints(Search)
    for name in names or typable():
        field = _FIELDS[name]
        parser.add_argument(
            "--" + name.replace("_", "-"),
            type=_converter(field, hints[name]),
            default=argparse.SUPPRESS,
            metavar=name.upper(),
            help=_help(field).replace("%", "%%"),
        )


def typable() -> list[str]:
    """The fields that a command line or a form can carry; not the data."""
    return [n for n, f in list(_FIELDS.items())[1:] if f.metadata.get("typed") != "no"]


def value_of(text: str) -> Any:
    """A value as a person types it: a literal of Python, or a text without quotes.

    Args:
        text: What was typed.
    """
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def text_of(value: Any) -> Any:
    """What a person would type for a value; numbers and plain texts stay.

    Args:
        value: Of a field.
    """
    if isinstance(value, str):
        plain = value_of(value) == value and "\n" not in value
        return value if plain else literal(value)
    return value if value is None or isinstance(value, int | float) else literal(value)


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of fields as a form can show them: a dictionary is a text there.

    Args:
        values: By the fields' names.
    """
    # A form's expressions are texts of a class of their own, and stay.
    return {
        name: text_of(value) if _is_shown(name, value) else value
        for name, value in values.items()
    }


def typed(name: str, value: Any) -> Any:
    """What was typed into a form, as the field takes it.

    Args:
        name: The field.
        value: A text or a number.
    """
    return value_of(value) if _is_text(name) and type(value) is str else value


def _is_text(name: str) -> bool:
    field = _FIELDS.get(name)
    return field is not None and field.metadata.get("typed") in ("literal", "file")


def _is_shown(name: str, value: Any) -> bool:
    plain = not isinstance(value, str) or type(value) is str
    return isinstance(value, list | tuple) or (_is_text(name) and plain)


def data_help() -> str:
    """What `Search` says of its data."""
    return str(_FIELDS["data"].metadata["help"])


def choices(name: str, task: str = "auto") -> tuple[str, ...]:
    """What may stand after an option.

    Args:
        name: A field of `Search`.
        task: Whose metrics; those of all tasks for "auto" and for an unknown one.

    Returns:
        All names that there are; empty for a field that takes anything.
    """
    match name:
        case "task":
            return ("auto", *TASKS.names())
        case "tuner":
            return TUNERS.names()
        case "pruner":
            return ("auto", *PRUNERS.names())
        case "mode":
            return ("auto", "max", "min")
        case "device":
            return ("auto", "cpu", "gpu")
        case "backend":
            return BACKENDS
        case "metric":
            tasks = (task,) if task in TASKS.names() else TASKS.names()
            return ("auto", *dict.fromkeys(m for t in tasks for m in _metrics(t)))
    return ()


def column(data: Any, text: str) -> str | int | list[str | int]:
    """A column as it is named in the data: `3` may be a text or a number.

    Args:
        data: What has columns, or not.
        text: What was typed; several names behind commas.
    """
    names = list(getattr(seen(data), "columns", ()))
    parts = [part.strip() for part in text.split(",")]
    if text in names or len(parts) < 2:
        return _one_column(names, text)
    return [_one_column(names, part) for part in parts]


def _one_column(names: list[Any], text: str) -> str | int:
    if text not in names and text.isdecimal() and int(text) in names:
        return int(text)
    return text


def _metrics(task: str) -> tuple[str, ...]:
    with contextlib.suppress(Exception):  # a task that asks more of its data
        return tuple(TASKS.get(task).metrics(_ANY_DATA))
    return ()


def _help(field: Field[Any]) -> str:
    text = str(field.metadata["help"])
    names = choices(field.name)
    listed = f": {', '.join(names)}" if names and names[-1] not in text else ""
    known = field.default not in (None, MISSING)
    return text + listed + (f" (default: {field.default})" if known else "")


def _converter(field: Field[Any], hint: Any) -> Callable[[str], Any]:
    """From text to the first type of an annotation, say `float | None`."""
    if field.metadata.get("typed") == "literal":
        return value_of
    if field.metadata.get("typed") == "file":
        return _text_of_file
    kind = next(iter(get_args(hint)), hint)
    return {int: _whole, float: _number}.get(kind, str)


def _text_of_file(text: str) -> str:
    try:
        return Path(text).expanduser().read_text("utf-8")
    except (OSError, ValueError, RuntimeError) as error:
        raise argparse.ArgumentTypeError(f"{received(text)}: {error}") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise _unlike("a whole number", text) from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _unlike("a number", text) from None


def _unlike(expected: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"expected {expected}, {received(text)}")
