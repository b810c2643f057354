"""`%automl start df --target species --minutes 2`, and the same verbs as the CLI."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class

from notebook_automl.api.run import Run
from notebook_automl.api.runs import attach
from notebook_automl.data._source import SOURCES
from notebook_automl.errors import AutoMLError, DataError, SearchError, nearest
from notebook_automl.ui import completion, verbs
from notebook_automl.ui.display import register

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@magics_class
class AutoMLMagics(Magics):
    """The notebook as a place to type verbs at; see `verbs.Face`."""

    prog = "%automl"
    draws = True
    graph: str | None = None
    accepts = (
        'a variable such as df, two arrays as x,y or "(x, y)", or a file: data.csv'
    )

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._variables = shell.user_ns
        self._chosen: Run | None = None
        self._chosen_s = 0.0

    @line_cell_magic
    def automl(self, line: str, cell: str | None = None) -> Any:
        """Search for a model: %automl opens the form, %automl --help lists verbs.

        %%automl start df --target species: the cell's body is a space of your own in
        AutoKeras's functional API. It is executed by the search's workers alone.
        """
        self.graph = cell
        try:
            words = _words(line)
            if cell is not None and words[:1] != ["start"]:
                raise SearchError(
                    f"Expected %%automl start and its data above a graph, "
                    f"got {line!r}. Type %%automl start df --target species.",
                    field="graph",
                )
            if not words:
                from notebook_automl.ui.panel import Panel  # widgets cost a moment

                return Panel()
            shown = verbs.perform(self, words)
        except AutoMLError as error:
            # Shown as its message; the class stays, and the cell fails all the same.
            told = f"{type(error).__name__}: {error}"
            error._render_traceback_ = told.splitlines  # type: ignore[attr-defined]
            raise error from None
        return _to_show(words[0] if words else "", shown)

    def load(self, name: str) -> Any:
        """The variable, the pair of variables, or the path of a file."""
        if name not in self._variables and _is_file(name):
            return name
        names = [part.strip() for part in name.strip(" ()").split(",") if part.strip()]
        found = tuple(self._variable(part) for part in names)
        return found[0] if len(found) == 1 else found

    def value(self, text: str) -> Any:
        """A function, class or array of the notebook by its name, else the text."""
        found = self._variables.get(text)
        return found if callable(found) or hasattr(found, "__array__") else text

    def run(self, name: str | None, folder: str | None) -> Run:
        """The run of that name, else this notebook's newest, else the newest of all."""
        if name is None and folder is None:
            run = self._newest()
            if run is not None:
                return run
        return attach(name, folder)

    def took(self, run: Run) -> None:
        """The next verbs mean this run."""
        self._chosen, self._chosen_s = run, time.time()

    def _newest(self) -> Run | None:
        """What was last started or attached here, by a magic or by other code."""
        values = list(self._variables.values())
        held = [v for v in values if isinstance(v, Run) and v.folder.exists()]
        newest = max(held, key=_started_s, default=None)
        chosen = self._chosen
        if chosen is None or not chosen.folder.exists():
            return newest
        later = newest is not None and _started_s(newest) > self._chosen_s
        return newest if later else chosen

    def _variable(self, name: str) -> Any:
        if name not in self._variables:
            candidates = completion.data_names(self._variables)
            listed = ", ".join(candidates) or "none yet"
            raise DataError(
                f"Expected the name of a variable, got {name!r}, which there is not."
                f"{nearest(name, candidates)} Data that can be searched: {listed}.",
                field="data",
            )
        return self._variables[name]


def load(shell: InteractiveShell) -> None:
    """Add the magic and its completion; a second time changes nothing.

    Args:
        shell: The notebook's, or a terminal's.
    """
    register()
    shell.register_magics(AutoMLMagics)
    if completion.complete not in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.append(completion.complete)


def _is_file(name: str) -> bool:
    """Whether a name is the path of a file that a source reads."""
    return any(SOURCES.get(source).accepts(name) for source in SOURCES.names())


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise SearchError(
            f"%automl: expected words, got {line!r} ({error}). Put names with spaces "
            'in double quotes: --target "petal length".'
        ) from None


def _started_s(run: Run) -> float:
    return float(run.search["started_s"])


def _to_show(verb: str, shown: Any) -> Any:
    """What becomes the cell's output; text is written as it is, without quotes."""
    if verb == "export" and isinstance(shown, str):
        return None  # the new cell stands there already
    if isinstance(shown, str | Path):
        sys.stdout.write(f"{shown}".rstrip("\n") + "\n")
        return None
    return shown
