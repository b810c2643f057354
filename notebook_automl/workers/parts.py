"""Where task, data and graph meet: the parts of a trial's program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from notebook_automl.data._source import Origin
from notebook_automl.data._weights import source_of
from notebook_automl.record.files import read_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.schema import Schema
from notebook_automl.source.backends import Backend, backend_of
from notebook_automl.source.code import Code
from notebook_automl.source.folds import prepare_folds, returned, train_folds
from notebook_automl.source.literals import literal
from notebook_automl.source.program import Program, assemble
from notebook_automl.tasks._chosen import from_json
from notebook_automl.tasks._metrics import definitions
from notebook_automl.tasks._split import plan_split
from notebook_automl.tasks._task import TASKS, Metric, Task
from notebook_automl.workers import own, pace

if TYPE_CHECKING:
    from notebook_automl.workers.graph import Written

# The epoch whose checkpoint is kept; stops that AutoKeras sets by default, too.
_PATIENCE_EPOCHS = 10
_MIN_DELTA = 1e-4

_SETUP = """\
keras.config.set_floatx("float32")
keras.config.set_image_data_format("channels_last")
SEED = {seed}
CHECKPOINT = "best.keras"
"""


@dataclass(frozen=True)
class Asked:
    """What a run was asked for, as its folder tells it.

    Args:
        search: The description (search.json).
        schema: The data.
        task: The task's plugin.
        metric: The objective's name, without "val_".
        metrics: All that is measured, by name.
        accelerated: Whether a GPU trains.
        backend: What Keras computes with.
    """

    search: Mapping[str, Any]
    schema: Schema
    task: Task
    metric: str
    metrics: Mapping[str, Metric]
    accelerated: bool
    backend: Backend

    @classmethod
    def read(cls, folder: RunFolder) -> Asked:
        """Read the description and the schema of a run."""
        search = read_json(folder.search)
        return cls(
            search=search,
            schema=Schema.from_json(read_json(folder.schema)),
            task=TASKS.get(search["task"]),
            metric=search["metric"],
            metrics=from_json(search["metrics"]),
            accelerated=search["device"] == "gpu",
            backend=backend_of(search),
        )

    @property
    def folds(self) -> int:
        """How many folds each trial trains on; 0 for one validation set."""
        return int(self.search.get("folds") or 0)

    @property
    def devices(self) -> int:
        """How many devices share each batch of a trial."""
        return int(self.search.get("devices_per_trial") or 1)

    @property
    def mode(self) -> str:
        """ "max" where more of the objective is better, else "min"."""
        return self.metrics[self.metric].mode


def environment(asked: Asked) -> dict[str, str]:
    """Variables that the first cell sets before anything is imported.

    Args:
        asked: The run's description.

    Returns:
        Name to value: backend, threads, memory growth.
    """
    return asked.backend.environment(asked.accelerated, asked.devices)


def shared_parts(asked: Asked, origin: Origin) -> dict[str, Code]:
    """The parts that do not depend on what the search chooses.

    Args:
        asked: The run's description.
        origin: Where the load cell finds the data.

    Returns:
        Code of set-up, definitions if there are any, load, split and prepare.
    """
    search, schema, task = asked.search, asked.schema, asked.task
    split = plan_split(schema, search, task.classes(schema))
    prepare = own.prepared(asked, task.prepare(schema))
    exact = asked.backend.setup(asked.accelerated)
    setup = _SETUP.format(seed=search["seed"]) + exact.source
    defined = own.joined(own.defined(search), definitions(asked.metrics))
    return {
        "setup": Code(("import keras", *exact.imports, *defined.imports), setup),
        **({"define": defined} if defined.source else {}),
        "load": source_of(schema).load_code(schema, origin),
        "split": task.split(schema, split),
        "prepare": prepare_folds(prepare) if split.folds else prepare,
    }


def left_by_prepare(asked: Asked) -> tuple[str, ...]:
    """What the prepare cell makes of the rows of one fold, by name.

    Args:
        asked: The run's description.
    """
    return returned(own.prepared(asked, asked.task.prepare(asked.schema)))


def read(run: RunFolder, here: bool = False) -> tuple[Asked, dict[str, Code]]:
    """The description of a run, and the parts that its trials share.

    Args:
        run: Its folder, or a worker's copy.
        here: Whether the load cell reads from that very folder; else from the run's
            own, of which programs tell.
    """
    asked, data = Asked.read(run), (run if here else run.home).data
    return asked, shared_parts(asked, Origin("copy", (str(data),)))


def program(
    asked: Asked,
    shared: Mapping[str, Code],
    written: Written,
    number: int = 0,
) -> Program:
    """The whole program of a trial.

    Args:
        asked: The run's description.
        shared: Parts from `shared_parts`.
        written: The model as code, with what the search chose.
        number: The trial's, for callbacks that want to know it.

    Returns:
        The formatted program.
    """
    parts = {
        **shared,
        "build": _build(asked, written),
        "compile": _compile(asked, written, number),
        "train": _train(asked, written),
        "evaluate": _EVALUATE,
        "predict": asked.task.predict(asked.schema),
    }
    if asked.folds:
        objective = f"val_{asked.metric}", asked.mode
        parts |= train_folds(parts, left_by_prepare(asked), objective, asked.folds)
    text = assemble(parts, environment(asked))
    own.check_apart(asked, text)
    return text


def _build(asked: Asked, written: Written) -> Code:
    """Constants, then the model; what shaped the graph is named in a comment."""
    graph, chosen = written.graph, written.values.items()
    values = ", ".join(f"{path}={literal(value)}" for path, value in chosen)
    lines = [
        *wrap(f"# The search chose {values}.", 88, subsequent_indent="# "),
        *(f"{name} = {literal(value)}" for name, value in graph.constants.items()),
        "",
        *pace.shared(asked),
        "keras.utils.set_random_seed(SEED)",
        *graph.lines,
        "model.summary()",
    ]
    imports = ("import keras", "from keras import layers")
    return Code(imports, "\n".join(lines))


def _compile(asked: Asked, written: Written, number: int) -> Code:
    """Optimizer, loss, metrics, and the callbacks that keep the best epoch."""
    steps, built = pace.steps(asked, written), pace.built(asked)
    arguments = {"optimizer": written.optimizer, **scoring(asked), **steps}
    lines = "\n".join(f"    {key}={value}," for key, value in arguments.items())
    entries, constants = own.callbacks(asked, written, number)
    min_delta = own.min_delta(asked, _MIN_DELTA)
    further = "".join(f"    {entry},\n" for entry in entries)
    return Code(
        source=f"""\
{constants}LEARNING_RATE = {literal(written.values["learning_rate"])}

model.compile(
{lines}
)
{built}callbacks = [
    keras.callbacks.ModelCheckpoint(
        CHECKPOINT,
        monitor="val_{asked.metric}",
        mode="{asked.mode}",
        save_best_only=True,
    ),
    keras.callbacks.EarlyStopping(
        "val_loss", patience={_PATIENCE_EPOCHS}, min_delta={min_delta}
    ),
{further}]
"""
    )


def scoring(asked: Asked) -> dict[str, str]:
    """What says how predictions are scored.

    Args:
        asked: The run's description.

    Returns:
        Arguments of `compile` as source: loss, metrics, without the optimizer.
    """
    codes: dict[str, list[str]] = {}
    for metric in asked.metrics.values():
        if metric.code:
            codes.setdefault(metric.output, []).append(metric.code)
    lists = {output: f"[{', '.join(found)}]" for output, found in codes.items()}
    # Of several outputs each has its own.
    each = ", ".join(f"{literal(output)}: {lists[output]}" for output in lists)
    return {
        **own.loss_arguments(asked),
        "metrics": f"{{{each}}}" if any(lists) else lists.get("", "[]"),
        "jit_compile": str(asked.backend.jit_compile),
    }


def _train(asked: Asked, written: Written) -> Code:
    before, weights = own.weights(asked)
    data = pace.data(asked, written, weights)
    given = "".join(f"    {argument},\n" for argument in data.arguments)
    return Code(
        imports=(*before.imports, *data.code.imports),
        source=f"""\
EPOCHS = {written.epochs}
BATCH_SIZE = {written.batch_size}
{before.source}
{data.code.source}
history = model.fit(
{given}    epochs=EPOCHS,
    callbacks=callbacks,
    verbose=2,
)
{data.after}""",
    )


_EVALUATE = Code(
    source="""\
# The best epoch's model, on rows that chose neither the epoch nor the trial.
model = keras.models.load_model(CHECKPOINT)
test_metrics = model.evaluate(x_test, y_test, return_dict=True, verbose=0)
print(test_metrics)
"""
)
