"""What a worker does: build the graph, write its source, run the source, report."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from notebook_automl.data._source import SOURCES
from notebook_automl.record.files import read_json, write_json, write_text
from notebook_automl.record.layout import RunFolder, TrialFolder
from notebook_automl.source.code import Code
from notebook_automl.source.program import SHARED, Program, assemble
from notebook_automl.workers import folds, own, pace, prepared, space
from notebook_automl.workers.cells import execute, inside, reason, set_up
from notebook_automl.workers.cost import too_large
from notebook_automl.workers.graph import Written, check_model, write_graph
from notebook_automl.workers.latency import latency_ms
from notebook_automl.workers.link import Link
from notebook_automl.workers.outcome import trained
from notebook_automl.workers.parts import Asked, environment, program, read


def prepare(link: Link | None, folder: str) -> None:
    """Run the cells that trials share, once, and keep their outcome on disk.

    Args:
        link: The supervisor, if there is one.
        folder: The run's folder.

    Raises:
        SearchError: The space is narrowed by what does not occur in it.
    """
    run = RunFolder(Path(folder))
    asked, shared = read(run, here=True)
    kept = prepared.place(run, shared)
    text = _shared_program(asked, shared)
    own.check_apart(asked, text)
    namespace = set_up(link, text)
    if not prepared.is_kept(kept):
        if link is not None:
            link.tell("stage", stage="preparing data")
        for cell in SHARED[1:]:
            execute(text, cell, namespace)
        prepared.keep(kept, namespace, folds.split_sets(asked, namespace))
    space.check(asked, prepared.load(kept).shapes(asked.accelerated))


def parameters(folder: str) -> list[dict[str, Any]]:
    """The parameters of a run's space; prepares its data as for a search.

    Args:
        folder: The run's folder.
    """
    run = RunFolder(Path(folder))
    asked, shared = read(run)
    prepare(None, folder)
    kept = prepared.load(prepared.place(run, shared))
    return space.parameters(run, kept.shapes(asked.accelerated))


def warm(link: Link, folder: str) -> None:
    """Load Keras and AutoKeras, while another worker prepares the data.

    Args:
        link: The supervisor.
        folder: The run's folder.
    """
    set_up(link, _shared_program(*read(RunFolder(Path(folder)))))


def train(
    link: Link,
    folder: str,
    number: int,
    halvings: int = 0,
    memory_mib: float | None = None,
    epochs: int | None = None,
) -> dict[str, Any]:
    """Train one trial: ask for values, write the program, execute it.

    Args:
        link: The supervisor.
        folder: The run's folder.
        number: The trial's number.
        halvings: How often its batch is halved, for want of memory.
        memory_mib: What its device has; None if nobody knows.
        epochs: For how long to train, where the tuner has decided it.

    Returns:
        `state` and `reason` of the trial.
    """
    run = RunFolder(Path(folder))
    trial = run.trial(number)
    trial.create()
    with inside(trial.path, trial.log):
        try:
            return _train(link, run, number, halvings, memory_mib, epochs)
        except Exception as error:
            sys.stdout.write(traceback.format_exc())
            return {"state": "failed", "reason": reason(error)}


def score(link: Link | None, folder: str, key: int | str) -> dict[str, float]:
    """Test metrics of a trial, by its own evaluate cell; computed once and kept.

    Args:
        link: Hears that Keras is loaded.
        folder: The run's folder.
        key: The trial's number, or the name of another entry.

    Returns:
        Metric name to value.
    """
    run = RunFolder(Path(folder))
    trial = run.trial(key)
    if trial.test.exists():
        return dict(read_json(trial.test))
    text = Program.from_text(trial.source.read_text("utf-8"))
    asked, shared = read(run)
    kept = prepared.load(prepared.place(run, shared))
    with inside(trial.path, trial.log):
        namespace = set_up(link, text)
        # A person's own function keeps its globals: what it may name goes there.
        namespace.update(kept.arrays, **kept.constants)
        if asked.folds:
            namespace |= kept.values | trained(trial)
            execute(text, "build", namespace)
            execute(text, "compile", namespace)
        execute(text, "evaluate", namespace)
    metrics = {name: float(value) for name, value in namespace["test_metrics"].items()}
    write_json(trial.test, metrics)
    return metrics


def predictor(run: RunFolder, key: int | str) -> Callable[[Path], Any]:
    """A function that predicts saved raw rows by the trial's own program.

    Args:
        run: The run's folder.
        key: The trial's number, or the name of another entry.

    Returns:
        From the path of saved rows to one label or number a row.
    """
    asked, shared = read(run)
    trial = run.trial(key)
    text = Program.from_text(trial.source.read_text("utf-8"))
    # The folder may have been moved since.
    text = text.with_cell("load", shared["load"])
    with inside(trial.path, trial.log):
        namespace = set_up(None, text)
        for cell in SHARED[1:]:
            execute(text, cell, namespace)
        if trial.checkpoint.exists():
            load = namespace["keras"].models.load_model
            namespace["model"] = load(trial.checkpoint)
        else:  # a baseline, which is fitted anew: a pickle is not kept
            cells = ("build", "compile", "train", *("evaluate",) * bool(asked.folds))
            for cell in cells:  # after its folds it learns from all rows
                execute(text, cell, namespace)
        execute(text, "predict", namespace)
    source = SOURCES.get(asked.schema.source)

    def predict(rows: Path) -> Any:
        return namespace["predict"](source.read_rows(rows, asked.schema))

    return predict


def _train(
    link: Link,
    run: RunFolder,
    number: int,
    halvings: int,
    memory_mib: float | None,
    epochs: int | None,
) -> dict[str, Any]:
    asked, shared = read(run)
    trial = run.trial(number)
    # Keras may be imported once the set-up cell has said how.
    set_up(link, _shared_program(asked, shared))
    kept = prepared.load(prepared.place(run, shared))
    shapes = kept.shapes(asked.accelerated)
    written = write_graph(link, asked, shapes, halvings, epochs)
    text = program(asked, shared, written, number)
    write_text(trial.source, text.to_text())
    write_json(trial.values, written.values, durable=False)  # the record has them
    link.tell("built", values=written.values, **asdict(written.cost))
    if why := too_large(written.cost, asked.search.get("max_model_size"), memory_mib):
        return {"state": "skipped", "reason": why}
    try:
        return _fit(link, asked, written, text, kept, trial)
    finally:
        pace.alone(asked)  # whatever ended the cells


def _fit(
    link: Link,
    asked: Asked,
    written: Written,
    text: Program,
    kept: prepared.Kept,
    trial: TrialFolder,
) -> dict[str, Any]:
    """Build, compile and train as the program says."""
    namespace = set_up(link, text)
    namespace.update(kept.for_training())
    namespace |= folds.stand_in(asked, kept)
    execute(text, "build", namespace)
    execute(text, "compile", namespace)
    first = kept.folds[0].values if asked.folds else namespace
    model = folds.built(namespace, first) if asked.folds else namespace["model"]
    check_model(written, model)
    write_json(trial.model, model.get_config(), durable=False)

    from notebook_automl.workers.reporter import CutShort, FoldsEnded, Reporter

    share = prepared.count(first["y_validation"]) / prepared.count(first["y_train"])
    reporter = Reporter(link, f"val_{asked.metric}", share, bool(asked.folds))
    if asked.folds:
        folds.report_to(reporter, namespace)
    else:
        namespace["callbacks"].append(reporter)
    try:
        execute(text, "train", namespace)
    except CutShort:
        reporter.state = "stopped"
    except FoldsEnded:  # it has said why
        pass
    if not asked.folds and reporter.epochs not in (0, written.epochs):
        # A replay trains as long as this trial really did, whatever ended it.
        write_text(trial.source, text.with_epochs(reporter.epochs).to_text())
    result: dict[str, Any] = {"state": reporter.state, "reason": reporter.reason}
    if asked.folds:
        result["folds"] = reporter.whole_folds
    if "latency_ms" in (asked.search.get("second") or ()):
        x = namespace["x_train"]
        result["latency_ms"] = latency_ms(model, x, written.batch_size)
    return result


def _shared_program(asked: Asked, shared: Mapping[str, Code]) -> Program:
    return assemble(shared, environment(asked))
