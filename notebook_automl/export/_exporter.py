"""What an exporter must do: hand out a trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from notebook_automl._registry import Room
from notebook_automl.data._source import Origin, Source
from notebook_automl.export._names import renamed, unlike
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.schema import Schema
from notebook_automl.record.trial import TrialState
from notebook_automl.source.program import Program
from notebook_automl.source.renaming import assigned

EXPORTERS = Room("notebook_automl.export", kind="exporter")


class Executed(NamedTuple):
    """What came of running a notebook.

    Args:
        notebook: The notebook with its outputs, as JSON.
        error: Why it did not run to its end; empty if it did.
    """

    notebook: str
    error: str


@dataclass(frozen=True)
class Chosen:
    """A trial to hand out, and what may be done for it.

    Args:
        run: The run's folder.
        search: What was asked for.
        schema: The data.
        trial: What the events say of the trial.
        beside: The data's source, which saves data beside a notebook.
        test: Gives the recorded test metrics.
        execute: Runs a notebook in a fresh kernel; the file stays as it is.
    """

    run: RunFolder
    search: Mapping[str, Any]
    schema: Schema
    trial: TrialState
    beside: Source
    test: Callable[[], dict[str, float]]
    execute: Callable[[Path], Executed]

    def recorded(self) -> dict[str, float]:
        """What the evaluate cell prints: test metrics, behind those of the folds."""
        folds = dict(self.trial.metrics) if self.search.get("folds") else {}
        return folds | self.test()

    def program(self, origin: Origin) -> Program:
        """The trial's own program, reading its data from somewhere else.

        Args:
            origin: Where the load cell finds the data.
        """
        source = self.run.trial(self.trial.key).source.read_text("utf-8")
        code = self.beside.load_code(self.schema, origin)
        return Program.from_text(source).with_cell("load", code)

    def path_from(self, folder: Path) -> str | None:
        """The person's own file, if it is still the one that was searched.

        Args:
            folder: The path is relative to this one if the file is below it.
        """
        if not self.schema.path:
            return None
        path = Path(self.schema.path)
        try:
            if path.stat().st_mtime > self.search["started_s"]:
                return None
        except OSError:
            return None
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)

    @property
    def called(self) -> str:
        """What the trial is called in the name of a file."""
        if self.trial.role == "trial":
            return f"{self.trial.number:04d}"
        return self.trial.name

    def program_here(self) -> Program:
        """The program for the person's own notebook.

        It reads their variables, or the run's copy where the data have no names, and
        leaves the variables as they are: what it would assign gets another name there.
        """
        variables = self.schema.variables
        if not variables and (path := self.path_from(Path.cwd())):
            return self.program(Origin("path", (path,)))
        if not variables:
            return self.program(Origin("copy", (str(self.run.data),)))
        program = self.program(Origin("variable", variables))
        names = assigned(program.to_text())
        # Arrays called x and y are loaded in place; a table loses rows and columns.
        one = self.schema.shape is not None and not self.schema.inputs
        in_place = variables == ("x", "y") and one
        taken = set() if in_place else names.intersection(variables)
        if not taken:
            return program
        stand_ins = {f"data_{i}_{name}": name for i, name in enumerate(variables)}
        others = {name: unlike(name, names.union(variables)) for name in taken}
        program = self.program(Origin("variable", tuple(stand_ins)))
        return renamed(program, others | stand_ins)


class Exporter(Protocol):
    """What an exporter must do."""

    def export(self, chosen: Chosen, path: Path | None, replay: bool) -> Any:
        """Hand out a trial.

        Args:
            chosen: The trial.
            path: Where to; the exporter's own choice if not given.
            replay: Whether to run what was written and compare its metric.

        Returns:
            What was handed out: a path, or code.
        """
