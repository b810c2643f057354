"""What a task is: from a schema to a search space and to the code around the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from notebook_automl._registry import Room
from notebook_automl.errors import SearchError, received
from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code

TASKS = Room("notebook_automl.tasks", kind="task", field="task")

# Patterns of parameter paths and the choices that are left of each.
Limits = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Metric:
    """A metric as Keras computes it.

    Args:
        code: The entry of `compile(metrics=[...])`; empty for the loss itself.
        mode: "max" where more is better, else "min".
        defined: Classes or functions that the entry needs, as source; the same piece
            in several metrics is written once.
        output: The name in code of the output that it measures; "" for the only one.
    """

    code: str
    mode: str
    defined: tuple[Code, ...] = ()
    output: str = ""


@dataclass(frozen=True)
class Split:
    """How rows are kept from training; the seed draws them.

    Args:
        validation_rows: Rows that choose the epoch and the trial; where rows have a
            group, how many groups.
        test_rows: Rows, or groups, that are scored once, for the chosen trial.
        rows: All rows; the person's own sets are the last of them.
        own: Rows of the person's own validation and test sets, 0 for none.
        folds: How many validation sets there are in turn; 0 for one alone.
        groups: Expression for each row's group; empty for none.
        group_count: How many groups there are, but for those of the person's own sets.
        times: Expression for each row's time; empty for none.
    """

    validation_rows: int
    test_rows: int
    rows: int = 0
    own: tuple[int, int] = (0, 0)
    folds: int = 0
    groups: str = ""
    group_count: int = 0
    times: str = ""


@dataclass(frozen=True)
class Space:
    """A search space in AutoKeras's functional API.

    Args:
        inputs: The input node, or several in the order of their names.
        outputs: The head's output node, or several likewise.
        limits: Patterns of parameter paths and the choices that are left of each; a
            single one is fixed and not asked for.
    """

    inputs: Any
    outputs: Any
    limits: Limits = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """What a space may know of the prepared data.

    Args:
        x_shapes: Axes of one prepared sample of each input, by its name in code and
            in the order of these names; "" for the only one.
        y_shapes: Axes of one prepared label of each output, likewise.
        rows: Rows that are trained on.
        constants: Numbers that the prepare cell left, by their names.
        accelerated: Whether a GPU trains.
    """

    x_shapes: Mapping[str, tuple[int, ...]]
    y_shapes: Mapping[str, tuple[int, ...]]
    rows: int
    constants: Mapping[str, float]
    accelerated: bool

    @property
    def x_shape(self) -> tuple[int, ...]:
        """Axes of one prepared sample of the only input."""
        return self.x_shapes[""]

    @property
    def y_shape(self) -> tuple[int, ...]:
        """Axes of one prepared label of the only output."""
        return self.y_shapes[""]


@dataclass(frozen=True)
class Baseline:
    """A simple model with which trials are compared.

    Args:
        build: Code that leaves an estimator, or several, and a function `outputs(x)`:
            what a trial's model would give for prepared rows.
        fit: Statements that fit it to `x_train` and `y_train`; whatever it has learned
            before is forgotten.
        note: What it leaves out to take only seconds, in words.
    """

    build: Code
    fit: str
    note: str = ""


class Task(Protocol):
    """What a task must do.

    Laws: `check` and `proposes` read the schema only; the code of `split` is that of
    `tasks/_split.py` and leaves `train_rows`, `validation_rows` and `test_rows`
    (positions); that of `prepare` asks for no others, has a statement for each of the
    arrays that it leaves, and leaves `x_*`, `y_*` for train, validation and test as
    float32 arrays, or int32 where they are codes, or dictionaries of such by the names
    that inputs and outputs have in code, and a function `prepare(rows)`; that
    of `predict` leaves a function `predict(rows)`, which takes what the model gives
    from `model.predict(prepare(rows), verbose=0)`; the code imports neither AutoKeras
    nor this package.
    """

    sources: tuple[str, ...]
    example: str  # data of `notebook_automl.example` that the task fits
    example_target: str | tuple[str, ...] | None

    def metrics(self, schema: Schema) -> Mapping[str, Metric]:
        """The metrics that may be the objective, by name."""

    def usual(self, schema: Schema) -> tuple[str, ...]:
        """The metrics that are measured if no others are asked for, first the one that
        is the objective."""

    def classes(self, schema: Schema) -> int:
        """How many rows each set needs at least: one a class, or 1 for numbers."""

    def proposes(self, schema: Schema) -> bool:
        """Whether `task="auto"` means this task for such data; one task says yes."""

    def check(self, schema: Schema) -> None:
        """Refuse data that the task cannot learn from.

        Raises:
            DataError: With what was expected, what came and what to do.
        """

    def split(self, schema: Schema, split: Split) -> Code:
        """Code that draws the three sets of rows."""

    def prepare(self, schema: Schema) -> Code:
        """Code that makes arrays from raw rows."""

    def loss(self, schema: Schema) -> Mapping[str, str]:
        """Arguments of `compile` beside optimizer and metrics, as source."""

    def predict(self, schema: Schema) -> Code:
        """Code that turns raw rows into labels or numbers."""

    def baselines(
        self, schema: Schema, prepared: Prepared, most: int
    ) -> Mapping[str, Baseline]:
        """Simple models to compare with, by name, the simplest first.

        Args:
            schema: The data.
            prepared: What is known of the prepared arrays.
            most: How many numbers each may learn from, for it shall take seconds.
        """

    def space(self, autokeras: Any, schema: Schema, prepared: Prepared) -> Space:
        """The search space; `autokeras` is handed in, so that no task imports it."""


def split_sizes(schema: Schema, validation: float, test: float, classes: int) -> Split:
    """Rows of the validation and the test set.

    Args:
        schema: The data.
        validation: Share of all rows.
        test: Share of all rows.
        classes: Classes that each set must be able to hold; 1 for numbers.

    Returns:
        Row counts: the shares, rounded, but a row a class at the least.

    Raises:
        SearchError: Nothing would be left to train on, or not every class.
    """
    rows = schema.rows
    split = Split(
        validation_rows=max(round(rows * validation), classes),
        test_rows=max(round(rows * test), classes),
    )
    if rows - split.validation_rows - split.test_rows < classes:
        raise SearchError(
            f"Expected a split that leaves rows to train on, got validation_split="
            f"{validation} and test_split={test} of {rows} rows. Type smaller shares "
            "or bring more rows.",
            field="validation_split",
        )
    if classes > 1 and schema.target.classes:
        asked = f"validation_split={validation} and test_split={test}"
        _check_kept(schema, split, asked)
    return split


def _check_kept(schema: Schema, split: Split, asked: str) -> None:
    """Refuse a split that could, with some seed, leave a class out of train.

    Raises:
        SearchError: With the first such class.
    """
    counts = list(schema.target.counts or ())
    drawn = schema.rows - split.test_rows
    rows = drawn - split.validation_rows
    first, outcome = _drawn(counts, drawn)
    if outcome:
        kept, _ = _drawn(outcome, rows)
    else:
        # The seed decides which classes have one row more than this.
        kept = [count * rows // drawn for count in first]
    # The second draw needs two rows of a class to share out.
    lost = [i for i in range(len(counts)) if first[i] < 2 or kept[i] < 1]
    if lost:
        label = (schema.target.classes or ())[lost[0]]
        raise SearchError(
            "Expected a split that leaves rows of every class to train on, got "
            f"{asked}, too much for the class {label!r} ({type(label).__name__}) with "
            f"{counts[lost[0]]} of {schema.rows} rows. Type smaller shares, such as "
            "validation_split=0.2, test_split=0.2, or bring more rows of it.",
            field="validation_split",
        )


def _drawn(counts: list[int], rows: int) -> tuple[list[int], list[int] | None]:
    """How many rows of each class scikit-learn's stratified split draws.

    Args:
        counts: Rows of each class.
        rows: How many rows are drawn in all.

    Returns:
        What each class has whatever the seed; and one seed's outcome where others only
        exchange classes of one size, else None.
    """
    # A share rounded down each, and the rest to the classes with the largest
    # remainders.
    total = sum(counts)
    shares = [divmod(count * rows, total) for count in counts]
    more = rows - sum(share for share, _ in shares)
    order = sorted(range(len(counts)), key=lambda i: -shares[i][1])
    last = shares[order[more - 1]][1]
    taken = set(order[:more])
    # The seed breaks a tie for the last row.
    tie = more and shares[order[more]][1] == last
    tied = {i for i in order if tie and shares[i][1] == last}
    least = [share + (i in taken - tied) for i, (share, _) in enumerate(shares)]
    if len({counts[i] for i in tied}) > 1:
        return least, None
    return least, [share + (i in taken) for i, (share, _) in enumerate(shares)]


def propose(schema: Schema) -> str:
    """The task that `task="auto"` means.

    Args:
        schema: The data.

    Returns:
        A name in `TASKS`.

    Raises:
        SearchError: No task, or more than one, claims the data.
    """
    names = [name for name in TASKS.names() if TASKS.get(name).proposes(schema)]
    if len(names) == 1:
        return names[0]
    raise SearchError(
        f"Expected data that one task fits, {received(schema.source)} with a target of "
        f"kind {schema.target.kind!r}, which fits {', '.join(names) or 'none'}. Type "
        f"task= with one of: {', '.join(TASKS.names())}.",
        field="task",
    )
