"""What a worker does: build the graph, write its source, run the source, report."""

from __future__ import annotations

import gc
import hashlib
import linecache
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from notebook_automl.data._source import SOURCES, Origin
from notebook_automl.errors import UnsupportedLayerError
from notebook_automl.record.layout import RunFolder, read_json, write_json
from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.source.code import Code
from notebook_automl.source.layers import (
    GraphCode,
    graph_code,
    optimizer_code,
    structure,
)
from notebook_automl.source.program import SHARED, Program, assemble
from notebook_automl.tasks._task import Prepared
from notebook_automl.workers.parts import Asked, environment, program, shared_parts

_ARRAYS = tuple(f"{a}_{s}" for a in "xy" for s in ("train", "validation", "test"))


class Link(Protocol):
    """How a worker speaks with the supervisor; a closed line ends the trial."""

    def tell(self, kind: str, **fields: Any) -> None:
        """Send a message."""

    def ask(self, parameter: Parameter) -> Value:
        """Ask the study for a value and wait for it."""

    def word(self, timeout_s: float | None) -> str | None:
        """The next word from the supervisor ("stop", "hold", "go").

        Args:
            timeout_s: How long to wait; 0 only looks, None waits without end.

        Returns:
            The word, or None if none came.
        """


def prepare(link: Link, folder: str) -> dict[str, Any]:
    """Run the cells that trials share, once, and keep their arrays on disk.

    Args:
        link: The supervisor.
        folder: The run's folder.

    Returns:
        Rows and axes of the prepared arrays.
    """
    run = RunFolder(Path(folder))
    asked, shared = _read(run)
    kept = _kept_arrays(run, shared)
    if not (kept / "constants.json").exists():
        text = _shared_program(asked, shared)
        namespace = _namespace(link, text)
        link.tell("stage", stage="preparing data")
        for cell in SHARED[1:]:
            _execute(text, cell, namespace)
        _keep(kept, namespace)
    return {name: list(array.shape) for name, array in _arrays(kept).items()}


def warm(link: Link, folder: str) -> None:
    """Load Keras and AutoKeras, while another worker prepares the data.

    Args:
        link: The supervisor.
        folder: The run's folder.
    """
    _namespace(link, _shared_program(*_read(RunFolder(Path(folder)))))


def train(link: Link, folder: str, number: int) -> dict[str, Any]:
    """Train one trial: ask for values, write the program, execute it.

    Args:
        link: The supervisor.
        folder: The run's folder.
        number: The trial's number.

    Returns:
        `state`, `reason` and `epochs` of the trial.
    """
    run = RunFolder(Path(folder))
    trial = run.trial(number)
    trial.path.mkdir(parents=True, exist_ok=True)
    with _inside(trial.path, trial.log):
        try:
            return _train(link, run, number)
        except Exception as error:
            sys.stdout.write(traceback.format_exc())
            return {"state": "failed", "reason": _reason(error), "epochs": 0}


def score(link: Link | None, folder: str, number: int) -> dict[str, float]:
    """Test metrics of a trial, by its own evaluate cell; computed once and kept.

    Args:
        link: Not needed; a worker's tasks all take one.
        folder: The run's folder.
        number: The trial's number.

    Returns:
        Metric name to value.
    """
    run = RunFolder(Path(folder))
    trial = run.trial(number)
    if trial.test.exists():
        return read_json(trial.test)  # type: ignore[no-any-return]
    _, shared = _read(run)
    text = Program.from_text(trial.source.read_text("utf-8"))
    with _inside(trial.path, trial.log):
        namespace = _namespace(link, text) | _arrays(_kept_arrays(run, shared))
        _execute(text, "evaluate", namespace)
    metrics = {name: float(value) for name, value in namespace["test_metrics"].items()}
    write_json(trial.test, metrics)
    return metrics


def predictor(run: RunFolder, number: int) -> Callable[[Path], Any]:
    """A function that predicts saved raw rows by the trial's own program.

    Args:
        run: The run's folder.
        number: The trial's number.

    Returns:
        From the path of saved rows to one label or number a row.
    """
    asked, _ = _read(run)
    trial = run.trial(number)
    text = Program.from_text(trial.source.read_text("utf-8"))
    with _inside(trial.path, trial.log):
        namespace = _namespace(None, text)
        for cell in SHARED[1:]:
            _execute(text, cell, namespace)
        namespace["model"] = namespace["keras"].models.load_model(trial.checkpoint)
        _execute(text, "predict", namespace)
    source = SOURCES.get(asked.schema.source)

    def predict(rows: Path) -> Any:
        return namespace["predict"](source.read_rows(rows, asked.schema))

    return predict


def _train(link: Link, run: RunFolder, number: int) -> dict[str, Any]:
    asked, shared = _read(run)
    trial, epochs = run.trial(number), int(asked.search["epochs"])
    # Keras may be imported once the set-up cell has said how.
    _namespace(link, _shared_program(asked, shared))
    kept = _kept_arrays(run, shared)
    arrays, constants = _arrays(kept), read_json(kept / "constants.json")
    written = write_graph(link, asked, arrays, constants)
    code = written.graph, written.optimizer, written.values
    text = program(asked, shared, *code, epochs)
    trial.source.write_text(text.to_text(), "utf-8")
    write_json(trial.values, written.values)
    namespace = _namespace(link, text)
    # The test rows stay out of reach until the chosen trial is scored.
    namespace |= {k: v for k, v in arrays.items() if not k.endswith("_test")}
    namespace |= constants
    _execute(text, "build", namespace)
    _execute(text, "compile", namespace)
    check_model(written, namespace["model"])
    write_json(trial.model, namespace["model"].get_config())
    parameters = namespace["model"].count_params()
    link.tell("built", values=written.values, parameters=parameters)

    from notebook_automl.workers.reporter import Reporter

    reporter = Reporter(link, f"val_{asked.metric}")
    namespace["callbacks"].append(reporter)
    _execute(text, "train", namespace)
    if reporter.epochs != epochs:
        # A replay trains as long as this trial really did, whatever ended it.
        text = text.with_epochs(reporter.epochs)
        trial.source.write_text(text.to_text(), "utf-8")
    return {
        "state": reporter.state,
        "reason": reporter.reason,
        "epochs": reporter.epochs,
    }


@dataclass(frozen=True)
class Written:
    """AutoKeras's graph as code, and what the code must build."""

    graph: GraphCode
    optimizer: str
    values: dict[str, Value]
    structure: list[Any]
    optimizer_config: dict[str, Any]


def write_graph(
    link: Link, asked: Asked, arrays: Mapping[str, Any], constants: Mapping[str, Any]
) -> Written:
    """Build AutoKeras's graph from the study's values and write it as code."""
    from notebook_automl.tasks._autokeras import build_graph, reset

    prepared = Prepared(
        x_shape=tuple(arrays["x_train"].shape[1:]),
        y_shape=tuple(arrays["y_train"].shape[1:]),
        rows=len(arrays["x_train"]),
        constants=constants,
        accelerated=asked.accelerated,
    )
    fit = int(asked.search["epochs"]), int(asked.search["batch_size"])
    built = build_graph(asked.task, asked.schema, prepared, fit, link.ask)
    written = Written(
        graph=graph_code(built.model),
        optimizer=optimizer_code(built.model.optimizer),
        values=built.values,
        structure=structure(built.model),
        optimizer_config=built.model.optimizer.get_config(),
    )
    reset()
    return written


def check_model(written: Written, model: Any) -> None:
    """Refuse to train a model that is not AutoKeras's own.

    Raises:
        UnsupportedLayerError: The executed code built something else.
    """
    pairs = [
        (written.structure, structure(model)),
        ([written.optimizer_config], [model.optimizer.get_config()]),
    ]
    for expected, got in pairs:
        for one, other in zip_longest(expected, got):
            if one != other:
                raise UnsupportedLayerError(
                    f"The generated code builds another model than AutoKeras: expected "
                    f"{one}, got {other}. Please report this with the trial's source."
                )


def _read(run: RunFolder) -> tuple[Asked, dict[str, Code]]:
    """The description of a run, and the parts that its trials share."""
    asked = Asked.read(run)
    return asked, shared_parts(asked, Origin("copy", (str(run.data),)))


def _shared_program(asked: Asked, shared: Mapping[str, Code]) -> Program:
    return assemble(shared, environment(asked))


def _kept_arrays(run: RunFolder, shared: Mapping[str, Code]) -> Path:
    """Where the outcome of the shared cells is kept: a folder a source."""
    text = "\n".join(shared[cell].source for cell in SHARED)
    return run.prepared / hashlib.sha256(text.encode()).hexdigest()[:16]


def _keep(folder: Path, namespace: Mapping[str, Any]) -> None:
    """Keep arrays and constants of the shared cells; constants come last."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", namespace[name], allow_pickle=False)
    constants = {
        name: value
        for name, value in namespace.items()
        if name.isupper() and isinstance(value, int | float)
    }
    write_json(folder / "constants.json", constants)


def _arrays(folder: Path) -> dict[str, Any]:
    """The kept arrays, mapped into memory."""
    import numpy as np

    return {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in _ARRAYS}


def _namespace(link: Link | None, text: Program) -> dict[str, Any]:
    """A fresh namespace in which the set-up cell has run."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cold = "keras" not in sys.modules
    if cold and link is not None:
        link.tell("stage", stage="loading Keras")
    _execute(text, "setup", namespace)
    if cold:
        from notebook_automl.tasks import _autokeras  # noqa: F401

        # Collecting over TensorFlow's and AutoKeras's objects took 0.35 s a trial.
        gc.collect()
        gc.freeze()
    return namespace


def _execute(text: Program, cell: str, namespace: dict[str, Any]) -> None:
    """Run one cell of a program; a traceback shows the cell's own lines."""
    source, name = text[cell], f"<cell {cell}>"
    lines = source.splitlines(keepends=True)
    linecache.cache[name] = (len(source), None, lines, name)
    exec(compile(source, name, "exec"), namespace)


def _reason(error: Exception) -> str:
    """Why a trial failed, with the place in its own source."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f for f in frames if f.filename.startswith("<cell ")]
    place = f" (in {places[-1].filename}, line {places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {error}{place}"


@contextmanager
def _inside(folder: Path, log: Path) -> Iterator[None]:
    """Work in a folder, with what is printed in its log."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with log.open("a", encoding="utf-8") as file, redirect_stdout(file):
            yield
    finally:
        os.chdir(before)
