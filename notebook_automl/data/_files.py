"""Tables and arrays that a person has in files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_automl.data._source import SOURCES, Origin
from notebook_automl.data.frame import Frame
from notebook_automl.errors import DataError, received
from notebook_automl.record.schema import Schema
from notebook_automl.source.literals import literal

if TYPE_CHECKING:
    import pandas as pd

# What a form looks at, of a file of any length.
_FIRST_ROWS = 200
_HEADS: dict[tuple[Path, int, int], Any] = {}


def has_suffix(data: Any, suffixes: tuple[str, ...]) -> bool:
    """Whether data are the path of a file with one of these endings."""
    if not isinstance(data, str | os.PathLike):
        return False
    name = os.fspath(data)
    return isinstance(name, str) and name.lower().endswith(suffixes)


def path_of_file(data: Any) -> Path:
    """The file as an absolute path.

    Raises:
        DataError: There is no such file.
    """
    path = Path(os.fspath(data)).expanduser().absolute()
    if not path.is_file():
        raise DataError(
            f"Expected a {path.suffix} file that can be read, "
            f"{received(os.fspath(data))}: there is none in {str(Path.cwd())!r}. Check "
            "the path.",
            field="data",
        )
    return path


def read_file(data: Any, reader: Callable[[Path], Any]) -> Any:
    """What a library reads from a file.

    Raises:
        DataError: It cannot be read.
    """
    path = path_of_file(data)
    try:
        return reader(path)
    except Exception as error:  # whatever the libraries that read raise
        raise DataError(
            f"Expected a {path.suffix} file that can be read, "
            f"{received(os.fspath(data))}: {error}. Check the path and the file.",
            field="data",
        ) from error


class TableFile(Frame):
    """A table in a file, which is read once, and kept as Arrow IPC.

    Args:
        name: The source's name.
        suffixes: How such files end.
        function: Of pandas, that reads them.
    """

    def __init__(self, name: str, suffixes: tuple[str, ...], function: str) -> None:
        self.name, self.suffixes, self.function = name, suffixes, function
        self.accepted = f"the path of a {suffixes[0]} file (with target=)"

    def accepts(self, data: Any) -> bool:
        return has_suffix(data, self.suffixes)

    def describe(self, data: Any, target: Any, variables: tuple[str, ...]) -> Schema:
        schema = super().describe(self.table(data), target, variables)
        return replace(schema, source=self.name, path=str(path_of_file(data)))

    def save(self, data: Any, schema: Schema, folder: Path) -> None:
        super().save(self.table(data), schema, folder)

    def save_rows(self, rows: Any, schema: Schema, path: Path) -> None:
        table = self.table(rows) if self.accepts(rows) else rows
        super().save_rows(table, schema, path)

    def own_code(self, origin: Origin) -> str:
        name = origin.names[0]
        path = name if origin.kind == "variable" else literal(name)
        return f"pd.{self.function}({path})"

    def table(self, data: Any, rows: int | None = None) -> pd.DataFrame:
        """The file as pandas reads it.

        Args:
            data: Its path.
            rows: Only so many, where the format allows it; None for all.

        Raises:
            DataError: It cannot be read.
        """
        import pandas as pd

        options = {} if rows is None or self.name != "csv" else {"nrows": rows}
        table = read_file(data, lambda p: getattr(pd, self.function)(p, **options))
        only = str(table.columns[0]) if len(table.columns) == 1 else ""
        if other := next((mark for mark in ";\t|" if mark in only), ""):
            raise DataError(
                f"Expected columns with commas between them, {received(only)} as the "
                f"one column. Type Search(pandas.read_csv({os.fspath(data)!r}, "
                f"sep={other!r}), target=...).",
                field="data",
            )
        return table  # type: ignore[no-any-return]


def seen(data: Any) -> Any:
    """What a form may look at: of a file the table, or its first rows; else the data.

    Args:
        data: Anything.
    """
    sources = [SOURCES.get(name) for name in SOURCES.names()]
    files = [s for s in sources if isinstance(s, TableFile) and s.accepts(data)]
    if not files:
        return data
    (source,) = files
    path = path_of_file(data)
    stat = path.stat()
    key = (path, stat.st_mtime_ns, stat.st_size)
    if key not in _HEADS:
        _HEADS.clear()
        _HEADS[key] = source.table(path, _FIRST_ROWS).head(_FIRST_ROWS)
    return _HEADS[key]
