"""What an exporter must do: hand out a trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from notebook_automl._registry import Room
from notebook_automl.data._source import Origin, Source
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import TrialState
from notebook_automl.record.schema import Schema
from notebook_automl.source.program import Program

EXPORTERS = Room("notebook_automl.export", kind="exporter")


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
        execute: Runs a notebook in a fresh kernel, in place.
    """

    run: RunFolder
    search: Mapping[str, Any]
    schema: Schema
    trial: TrialState
    beside: Source
    test: Callable[[], dict[str, float]]
    execute: Callable[[Path], None]

    def program(self, origin: Origin) -> Program:
        """The trial's own program, reading its data from somewhere else.

        Args:
            origin: Where the load cell finds the data.
        """
        source = self.run.trial(self.trial.number).source.read_text("utf-8")
        code = self.beside.load_code(self.schema, origin)
        return Program.from_text(source).with_cell("load", code)

    def here(self) -> Origin:
        """The notebook's own variables, or the run's copy where they have no names."""
        if self.schema.variables:
            return Origin("variable", self.schema.variables)
        return Origin("copy", (str(self.run.data),))


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
