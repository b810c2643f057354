"""What a source of data must do, and what it says about the data it has seen.

A source is one file of this folder that ends with `PLUGIN = ...`, found by its file
name. Its laws, which `tests/test_every_source.py` holds over every source:

* `describe` makes all checks; after it, `save` and the generated code must not fail.
* The generated code leaves either `frame` (a table, `schema.shape` is None) or `x` and
  `y` (arrays), the same ones from every origin, and refuses data that were changed. Of
  several inputs or outputs it leaves each under its own name.
* What `several.py` takes as one input has `holds`, `describe_samples`, `save_samples`
  and the `suffix` of `save_beside`, and loads a schema without a target.
* `save` copies: what happens to the person's variable later changes nothing.
"""

from __future__ import annotations

import os
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from notebook_automl._registry import Room
from notebook_automl.errors import DataError, received
from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code

SOURCES = Room("notebook_automl.data", kind="data source", field="data")

OURS = b"notebook-automl"
"""Marks a file that `save_beside` wrote."""


@dataclass(frozen=True)
class Origin:
    """Where generated code takes the data from.

    Args:
        kind: "variable" of the person's notebook, "path" of a file of the person's,
            "file" beside an exported notebook, or "copy" in the run folder.
        names: Of the variables (`schema.variables`); or one path: of the person's file
            (`schema.path`), of the file that `save_beside` wrote, or of the folder that
            `save` wrote to.
    """

    kind: Literal["variable", "path", "file", "copy"]
    names: tuple[str, ...]


class Source(Protocol):
    """One kind of data; see this file's first lines for its laws."""

    accepted: str
    """What it accepts, in the words of an error message."""

    def accepts(self, data: Any) -> bool:
        """Whether these data are of this kind; looks at types only, never at values."""
        ...

    def describe(self, data: Any, target: Any, variables: tuple[str, ...]) -> Schema:
        """Checks the data and says what they are.

        Args:
            data: What `accepts` said yes to.
            target: Name of the column to predict, or a list of several; None where
                there are no names.
            variables: Names of the data in the person's notebook, empty if unknown.

        Raises:
            DataError: They cannot be searched; `field` is "data" or "target".
        """
        ...

    def save(self, data: Any, schema: Schema, folder: Path) -> None:
        """Copies what the generated code will load into an existing folder."""
        ...

    def load_code(self, schema: Schema, origin: Origin) -> Code:
        """Code that leaves `frame`, or `x` and `y`, and checks their fingerprint."""
        ...

    def save_beside(self, folder: Path, path: Path) -> Path:
        """Copies saved data to a file beside a notebook.

        Args:
            folder: The folder that `save` wrote to.
            path: The notebook; the file has its name with another suffix.

        Returns:
            The file, for `Origin("file", ...)`.

        Raises:
            DataError: There is such a file, and it is not an earlier copy of ours.
            OSError: The file cannot be written.
        """
        ...

    def save_rows(self, rows: Any, schema: Schema, path: Path) -> None:
        """Checks raw rows to predict and writes them to one file.

        Raises:
            DataError: They do not fit what was learned.
        """
        ...

    def read_rows(self, path: Path, schema: Schema) -> Any:
        """The rows that `save_rows` wrote: a `frame` without target, or an `x`."""
        ...

    def example(self, folder: Path) -> tuple[Any, str | int | None]:
        """Small data and their target, for tests; files, if any, go to `folder`."""
        ...


def is_our_archive(path: Path) -> bool:
    """Whether a file is a ZIP archive that `save_beside` wrote.

    Args:
        path: The file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment == OURS
    except (zipfile.BadZipFile, OSError):
        return False


@contextmanager
def written_at_once(path: Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Lend a path to write a file beside a notebook to, and move it to its own.

    A reader sees the earlier copy or the whole new one; if writing fails, the earlier
    one stays.

    Args:
        path: The file; an earlier copy of ours is replaced.
        is_ours: Whether a file is such a copy.

    Raises:
        DataError: Somebody else's file or folder has its name.
    """
    if path.exists() and (path.is_dir() or not is_ours(path)):
        kind = "a folder" if path.is_dir() else f"{path.stat().st_size} bytes"
        raise DataError(
            f"Expected no file of yours where the notebook's data go, got "
            f"{str(path)!r} ({kind}). Give the notebook another name, or move that "
            f"{'folder' if path.is_dir() else 'file'}.",
        )
    # The suffix stays last, because numpy would add its own.
    aside = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def source_for(data: Any) -> tuple[str, Source]:
    """The one source that accepts these data, and its name.

    Raises:
        DataError: None does, or more than one.
    """
    sources: dict[str, Source] = {name: SOURCES.get(name) for name in SOURCES.names()}
    willing = [name for name, source in sources.items() if source.accepts(data)]
    if len(willing) == 1:
        return willing[0], sources[willing[0]]
    if willing:
        raise DataError(
            f"Expected data that one data source accepts, {received(data)}, which "
            f"{', '.join(willing)} accept. Uninstall the packages of all but one.",
            field="data",
        )
    kinds = ", or ".join(source.accepted for source in sources.values())
    raise DataError(
        f"Expected {kinds}; {received(data)}. {_conversion(data)}", field="data"
    )


def _conversion(data: Any) -> str:
    if isinstance(data, Mapping):
        return (
            "Convert it first: Search(pandas.DataFrame(data), target=...). Several "
            "inputs go with what is learned: Search((inputs, outputs))."
        )
    if isinstance(data, str | Path):
        return "Read the file first, or give the path of one that ends so."
    if hasattr(data, "to_pandas"):
        return "Convert it first: Search(data.to_pandas(), target=...)."
    if hasattr(data, "__array__"):
        return "Give the labels, too: Search((x, y))."
    return "Convert it first: Search(pandas.DataFrame(data), target=...)."
