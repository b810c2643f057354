"""What the tests of generated code share: small prepared data, and graphs of a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from notebook_automl.data._examples import example
from notebook_automl.data._source import Origin, source_for
from notebook_automl.record.files import write_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.source.backends import chosen_backend
from notebook_automl.source.code import Code
from notebook_automl.source.program import Program
from notebook_automl.tasks._chosen import chosen, to_json
from notebook_automl.tasks._task import TASKS, Prepared
from notebook_automl.workers import trial
from notebook_automl.workers.cells import set_up
from notebook_automl.workers.graph import Written, write_graph
from notebook_automl.workers.parts import Asked, program, shared_parts
from notebook_automl.workers.prepared import Kept, load

EPOCHS, BATCH_SIZE = 2, 32


@dataclass
class Line:
    """Stands where the supervisor's line would: answers by a rule, hears nothing."""

    answer: Any
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def tell(self, kind: str, **fields: Any) -> None:
        self.told.append((kind, fields))

    def ask(self, parameter: Parameter) -> Value:
        return self.answer(parameter)

    def word(self, timeout_s: float | None) -> str | None:
        return None


@dataclass
class Coverage:
    """Answers with the choice that was given least so far, at random among several."""

    given: dict[str, Counter[Value]] = field(default_factory=dict)
    chance: Random = field(default_factory=lambda: Random(0))

    def __call__(self, parameter: Parameter) -> Value:
        counts = self.given.setdefault(
            parameter.name, Counter(dict.fromkeys(parameter.choices, 0))
        )
        value = min(
            self.chance.sample(parameter.choices, len(parameter.choices)),
            key=counts.__getitem__,
        )
        counts[value] += 1
        return value

    def gaps(self) -> list[str]:
        """Choices that were never given."""
        return [
            f"{path}={value!r}"
            for path, counts in self.given.items()
            for value, count in counts.items()
            if not count
        ]

    def __str__(self) -> str:
        return "\n".join(
            f"{path}: " + ", ".join(f"{value!r} x{n}" for value, n in counts.items())
            for path, counts in self.given.items()
        )


@dataclass
class Bench:
    """A task on its example data, prepared as a worker prepares it.

    Args:
        asked: The run's description.
        kept: The prepared arrays and constants.
        shared: Code of the cells that trials share.
    """

    asked: Asked
    kept: Kept
    shared: dict[str, Code]
    accelerated: bool = False

    @property
    def prepared(self) -> Prepared:
        """What a space may know of the data."""
        return self.kept.shapes(self.accelerated)

    def write(self, answer: Any) -> tuple[Written, Program]:
        """One graph of the space as code, and the program around it."""
        written = write_graph(Line(answer), self.asked, self.prepared)
        return written, program(self.asked, self.shared, written)

    def namespace(self, text: Program) -> dict[str, Any]:
        """What stands before the build cell of a program."""
        return set_up(None, text) | self.kept.for_training()


def bench(
    task_name: str,
    path: Path,
    metrics: Sequence[str] = (),
    data: Any = None,
    **fields: Any,
) -> Bench:
    """Prepare data of a task in a run folder.

    Args:
        task_name: A name in `TASKS`.
        path: Where the folder is made.
        metrics: Further ones than the task's own.
        data: Without a target of their own name; the task's example if not given.
        **fields: Of the search.
    """
    task = TASKS.get(task_name)
    target = None
    if data is None:
        data, target = example(task.example), task.example_target
    _, source = source_for(data)
    schema = source.describe(data, target, ())
    folder = RunFolder(path / "run")
    folder.create()
    source.save(data, schema, folder.data)
    write_json(folder.schema, schema.to_json())
    search = {
        "task": task_name,
        "metric": task.usual(schema)[0],
        "metrics": to_json(chosen(task_name, schema, "auto", metrics)),
        "device": "cpu",
        "backend": chosen_backend("auto").name,
        "validation_split": 0.2,
        "test_split": 0.2,
        "seed": 0,
        "epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
    }
    write_json(folder.search, search | fields)
    trial.prepare(Line(None), str(folder.path))
    (kept,) = folder.prepared.iterdir()
    asked = Asked.read(folder)
    shared = shared_parts(asked, Origin("copy", (str(folder.data),)))
    return Bench(asked, load(kept), shared)
