"""What to try: one dataclass, from which form, magic and command line are made."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from notebook_automl.api.checks import (
    check_name,
    check_numbers,
    folder_of_runs,
)
from notebook_automl.api.cluster import (
    address_of,
    check_cluster,
    move,
)
from notebook_automl.api.device import check_device, check_devices, chosen_device
from notebook_automl.api.drafts import fill
from notebook_automl.api.objectives import check_metrics, objectives_of
from notebook_automl.api.own import Own, check_mode
from notebook_automl.api.run import Run
from notebook_automl.api.same import check_same, is_run
from notebook_automl.api.several import as_told, check_several
from notebook_automl.api.space import decided_space, parameters
from notebook_automl.api.splitting import (
    ASIDE,
    check_splitting,
    described,
)
from notebook_automl.api.warm_start import check_warm_start, first_trials
from notebook_automl.api.weights import schema_of
from notebook_automl.errors import (
    RunFolderError,
    SearchError,
)
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.schema import Schema
from notebook_automl.search._tuner import check_tuner
from notebook_automl.search.pruners._pruner import check_pruner, chosen_pruner
from notebook_automl.source.backends import check_backend, chosen_backend
from notebook_automl.tasks._body import check_source
from notebook_automl.tasks._chosen import to_json
from notebook_automl.tasks._limits import check_fit, check_space
from notebook_automl.tasks._split import plan_split
from notebook_automl.tasks._task import TASKS, propose

if TYPE_CHECKING:
    import pandas as pd

_DEFAULT_MINUTES = 10.0


@dataclass
class Search:
    """A search for a model: what to learn from, and how long to try.

    Args:
        data: A DataFrame, or a pair (x, y) with x as texts, or as an array (samples,
            height, width) or (samples, height, width, channels); or the path of a
            .csv, .parquet or .npz file. In a y with several columns of 0 and 1, each
            column is a label. Several inputs of one model are a dictionary by name as
            x, {"photo": images, "facts": df}, and several outputs one as y; what stands
            at the same place in each is one sample, whatever a table's index says.
        target: The column to learn, for a table; or a list of columns of 0 and 1, which
            are learned together.
        task: A task's name, or "auto" to propose one from the data. Of several outputs
            it may be said by name what they are: {"stars": "regression"}, or
            "classification"; all others are proposed.
        metric: The objective, measured on the validation set, or "auto": a name of the
            task's such as "auc", or Keras's own as "keras.metrics.AUC(curve='PR')". Of
            several outputs one has its name in front, as "price_mae"; "auto" is then
            one of the first output, and "loss" is that of all. Two
            of them are weighed against each other, see `Run.front()`: the second may
            be "parameters", "flops" of one sample, or "latency_ms" of one batch.
        metrics: Further metrics, a list or names behind commas, measured each epoch.
            Both take functions and classes of yours, which see prepared targets: 0 or 1
            (rows, 1) for two classes, one column a class for more.
        mode: "max" or "min": which way a metric of yours is better.
        loss: Another loss: Keras's name, as "huber" or "keras.losses.Huber(delta=2)",
            or a function or class of yours of targets and predicted probabilities.
        callbacks: Classes that derive from keras.callbacks.Callback, functions that
            make such an object, either with options by functools.partial, or names as
            "ReduceLROnPlateau". Where they take `trial` and `values`, they are given
            the trial's number and what the search chose. With folds each has its own,
            and the final model trains without validation rows: `logs.get("val_loss")`.
        class_weight: How much rows count by their class: "balanced", or a dictionary
            from labels to numbers. It changes what is learned, not what is measured.
        sample_weight: How much each row counts in training: an array, or the name of a
            column, which is not learned from then. Validation and test metrics count
            all rows the same.
        graph: A space of your own: Python source in AutoKeras's functional API, with
            `ak` and `keras` known; executed by the workers alone. Of several inputs or
            outputs each node has its name: `ak.ImageInput(name="photo")`.
        minutes: Budget of time; 10 if neither minutes nor trials are given.
        trials: Budget of trials.
        epochs: Most epochs of one trial.
        batch_size: Rows a training step.
        space: What is left of the space, by patterns of parameter paths: a value fixes
            a parameter, a list or a range such as {"low": 1e-4, "high": 1e-2, "log":
            True} narrows it. "batch_size" and "epochs" may be searched here as well;
            `Search.parameters()` lists all paths.
        tuner: Who proposes values.
        pruner: Who ends trials that others have left behind; "none" trains all to their
            end. "auto" is "asha" where time alone is the budget, one objective is
            sought, and the tuner is "tpe", "gp" or "evolution"; else "none".
        warm_start: An earlier run, or its name, whose best trials are tried first; or
            "autokeras" for AutoKeras's initial configurations, with which the tuner
            "greedy" begins anyway.
        folds: Into how many parts the rows fall, each of which validates what the
            others teach (cross-validation); without it one part validates.
        group: The column (for arrays, an array) whose values say which rows belong
            together: all rows of a group are in one set. It is not learned from.
        time: The column or array that says when each row was: the last rows are for
            the test, those before for validation. It is not learned from.
        validation_data: Rows of your own that choose epoch and trial, of the form that
            the data have.
        test_data: Rows of your own that are scored once, for the chosen trial.
        validation_split: Share of the rows that choose epoch and trial.
        test_split: Share of the rows that are scored once, for the chosen trial.
        seed: Seed of split, proposals and training.
        device: "auto", "cpu" or "gpu".
        max_model_size: Most parameters of a model; a larger one is skipped.
        backend: "tensorflow", "jax" or "torch"; "auto" is what `KERAS_BACKEND` says, or
            else TensorFlow.
        workers: Worker processes; one a GPU, or one a core, if not given. Of a cluster
            all, if not given.
        devices_per_trial: On how many devices each trial trains, which share each
            batch; more than one with JAX only, which on a CPU makes them of its cores.
        cluster: Where the workers are, if not here: a Dask scheduler as
            "tls://host:8786", or a Dask cluster object (jobqueue, Kubernetes, Gateway).
        name: The run's name; starting it twice attaches to the first.
        folder: Where runs are kept; `automl_runs` here, if not given.

    Raises:
        SearchError: A field that cannot be, with `field` naming it.
    """

    data: Any = field(default=None, metadata={"help": "table or arrays to learn from"})
    target: str | int | Sequence[str | int] | None = field(
        default=None, metadata={"help": "column to learn, or several of 0 and 1"}
    )
    task: str | Mapping[str, str] = field(
        default="auto", metadata={"help": "what to learn"}
    )
    metric: Any = field(
        default="auto", metadata={"help": "objective, measured on the validation set"}
    )
    metrics: str | Sequence[Any] | None = field(
        default=None, metadata={"help": "further metrics, behind commas"}
    )
    mode: str = field(
        default="auto", metadata={"help": "which way a metric of yours is better"}
    )
    loss: Any = field(
        default=None, metadata={"help": "Keras's name of another loss, such as huber"}
    )
    callbacks: Any = field(
        default=None, metadata={"help": "callbacks of yours", "typed": "no"}
    )
    class_weight: Any = field(
        default=None,
        metadata={
            "help": 'weights of classes: balanced, or {"yes": 2.0}',
            "typed": "literal",
        },
    )
    sample_weight: Any = field(
        default=None, metadata={"help": "column that says how much rows count"}
    )
    graph: str | None = field(
        default=None,
        metadata={
            "help": "a space of your own in AutoKeras's functional API",
            "typed": "file",
        },
    )
    minutes: float | None = field(
        default=None, metadata={"help": "minutes to search; 10 without any budget"}
    )
    trials: int | None = field(default=None, metadata={"help": "budget of trials"})
    epochs: int = field(default=50, metadata={"help": "most epochs of one trial"})
    batch_size: int = field(default=32, metadata={"help": "rows a training step"})
    space: dict[str, Any] | None = field(
        default=None,
        metadata={
            "help": 'fix or narrow the space, as {"learning_rate": [1e-3, 1e-4]}',
            "typed": "literal",
        },
    )
    tuner: str = field(default="tpe", metadata={"help": "who proposes values"})
    pruner: str = field(
        default="auto", metadata={"help": "who ends trials that others left behind"}
    )
    warm_start: str | Run | None = field(
        default=None, metadata={"help": "a run whose best trials come first"}
    )
    folds: int | None = field(
        default=None, metadata={"help": "cross-validate on so many folds"}
    )
    group: str | int | Any = field(
        default=None, metadata={"help": "column of what belongs together"}
    )
    time: str | int | Any = field(
        default=None,
        metadata={"help": "column by which the last rows are for the test"},
    )
    validation_data: Any = field(
        default=None,
        metadata={"help": "rows of your own that choose the trial", "typed": "data"},
    )
    test_data: Any = field(
        default=None,
        metadata={"help": "rows of your own that are scored once", "typed": "data"},
    )
    validation_split: float = field(
        default=0.2, metadata={"help": "share of rows that choose the trial"}
    )
    test_split: float = field(
        default=0.2, metadata={"help": "share of rows that are scored once"}
    )
    seed: int = field(
        default=0, metadata={"help": "seed of split, proposals and training"}
    )
    device: str = field(default="auto", metadata={"help": "auto, cpu or gpu"})
    max_model_size: int | None = field(
        default=None, metadata={"help": "most parameters of a model"}
    )
    backend: str = field(
        default="auto", metadata={"help": "auto, tensorflow, jax or torch"}
    )
    workers: int | None = field(default=None, metadata={"help": "worker processes"})
    devices_per_trial: int = field(
        default=1, metadata={"help": "devices that share each batch of a trial"}
    )
    cluster: str | Any | None = field(
        default=None,
        metadata={"help": "a Dask scheduler whose workers train: tls://host:8786"},
    )
    name: str | None = field(default=None, metadata={"help": "the run's name"})
    folder: str | None = field(default=None, metadata={"help": "where runs are kept"})

    def __post_init__(self) -> None:
        if self.minutes is None and self.trials is None:
            self.minutes = _DEFAULT_MINUTES
        check_numbers(self)
        check_fit(check_space(self.space))
        check_source(self.graph)
        check_name(self.name)
        folder_of_runs(self.folder)
        check_tuner(self.tuner, self.space)
        check_pruner(self.pruner)
        check_warm_start(self.warm_start)
        check_cluster(self.cluster)
        auto = isinstance(self.task, str) and self.task == "auto"
        if not (auto or isinstance(self.task, Mapping)):
            TASKS.check(self.task)
        check_metrics(self)
        check_splitting(self)
        check_device(self.device)
        check_backend(self.backend)

    def start(self, detach: bool = True) -> Run:
        """Start the search in processes of its own and come back at once.

        Args:
            detach: Whether the search outlives this kernel.

        Returns:
            The run; with a `name` that exists, the run of that name.

        Raises:
            DataError: Data that cannot be searched.
            RunFolderError: The run folder cannot be written.
            RunDiffersError: The name is taken by another description or other data.
            SearchError: A field that cannot be.
        """
        started_s = time.time()
        schema = self.schema()
        description = self.description(schema) | {"started_s": started_s}
        name = self.name or _new_name(started_s)
        folder = RunFolder(folder_of_runs(self.folder) / name)
        if self.name is None or not is_run(folder):
            try:
                fill(self, folder, schema, description)
            except RunFolderError:
                # Somebody else may have started one of that name meanwhile.
                if self.name is None or not is_run(folder):
                    raise
            else:
                run = Run(folder)
                run._launch(detach)
                return run
        check_same(folder, description, schema)
        move(folder, self.cluster)
        return Run(folder)

    def schema(self) -> Schema:
        """Look at the data.

        Returns:
            What they are.

        Raises:
            DataError: Data that cannot be searched.
            SearchError: A field that cannot be.
        """
        self.__post_init__()  # what was assigned since is checked as well
        check_several(self)
        return as_told(self.task, schema_of(self))

    def parameters(self) -> pd.DataFrame:
        """List what the search may choose, without starting it.

        A process prepares the data and builds the space: seconds, more for large data.

        Returns:
            One row a parameter, indexed by its path: choices, of a fixed one only one,
            or low, high, step and log; and the default, which the first trial takes.

        Raises:
            AutoMLError: As `start`.
        """
        schema = self.schema()
        description = self.description(schema) | {"started_s": time.time()}
        return parameters(lambda folder: fill(self, folder, schema, description))

    def description(self, schema: Schema) -> dict[str, Any]:
        """Decide everything that is "auto".

        Args:
            schema: Of the data.

        Returns:
            What is asked, in plain JSON.

        Raises:
            DataError: Data that the task cannot learn from.
            SearchError: A field that cannot be.
        """
        named = isinstance(self.task, str) and self.task != "auto"
        task_name = str(self.task) if named else propose(schema)
        task = TASKS.get(task_name)
        if schema.source not in task.sources:
            raise SearchError(
                f"Expected data of the kind {' or '.join(task.sources)} for the task "
                f"{task_name!r}, got {schema.source} ({type(self.data).__name__}). "
                'Type task="auto".',
                field="task",
            )
        task.check(schema)
        split = plan_split(schema, vars(self), task.classes(schema))
        own = Own(self, task, schema)
        metrics, second = objectives_of(self, task_name, schema, own.metrics)
        metric = next(iter(metrics))
        check_mode(self.mode, metric, metrics[metric].mode)
        backend = chosen_backend(self.backend)
        device = chosen_device(self, backend.name)
        check_devices(self, schema, split, backend.name, device)
        names = [f.name for f in fields(self)[1:] if f.name not in ASIDE]
        asked = {name: getattr(self, name) for name in names}
        folder = None if self.folder is None else str(self.folder)
        earlier = self.warm_start
        return asked | {
            "warm_start": earlier.name if isinstance(earlier, Run) else earlier,
            "first": first_trials(self, task, device),
            **decided_space(self),
            **described(self),
            **own.to_json(),
            "task": task_name,
            "metric": metric,
            "metrics": to_json(metrics),
            "pruner": chosen_pruner(self, bool(second)),
            "mode": metrics[metric].mode,
            "second": second,
            "device": device,
            "backend": backend.name,
            "cluster": address_of(self.cluster),
            "folder": folder,
            "target": _plain_target(self.target),
        }


def _plain_target(target: Any) -> Any:
    """The target as JSON gives it back."""
    return list(target) if isinstance(target, tuple) else target


def _new_name(started_s: float) -> str:
    """A name that tells when the run was started."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(started_s))
    return f"{stamp}-{secrets.token_hex(2)}"
