"""A task whose trials fail, each in its own way: somebody else's plugin.

A trial works in its own folder, whose name is its number: the generated code and the
search space look there what is to go wrong.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

from notebook_automl.tasks._task import Metric
from notebook_automl.tasks.tabular_classification import TabularClassification

SHORT_OF_MEMORY, METRIC_RAISES, CANNOT_BE_BUILT, NAN = 1, 2, 3, 4
HANGS, DIES, TOO_LARGE, DIVERGES = 5, 6, 7, 8
# More than `LIMIT_BYTES` of address space, which the workers' supervisor sets.
MUCH_BYTES, LIMIT_BYTES = 1 << 34, 12 << 30


class Faulty(TabularClassification):
    """Classes of a table, with faults."""

    def proposes(self, schema: Any) -> bool:
        return False

    def metrics(self, schema: Any) -> dict[str, Metric]:
        return {"accuracy": Metric('__import__("faulty").metric()', "max")}

    def loss(self, schema: Any) -> dict[str, str]:
        given = super().loss(schema)["loss"]
        return {"loss": f'__import__("faulty").loss({given})'}

    def space(self, autokeras: Any, schema: Any, prepared: Any) -> Any:
        space = super().space(autokeras, schema, prepared)
        [output] = space.outputs
        [head] = output.in_blocks
        if number() == CANNOT_BE_BUILT:
            head.build = _impossible
        elif number() == TOO_LARGE:
            head.build = _large(head.build)
        return space


PLUGIN = Faulty()


def number() -> int | None:
    """The trial that works here."""
    name = Path.cwd().name
    return int(name) if name.isdecimal() else None


def loss(given: Any) -> Any:
    """A loss of the compile cell."""
    if number() == SHORT_OF_MEMORY:
        bytearray(MUCH_BYTES)
    if number() == DIES:
        os.kill(os.getpid(), signal.SIGKILL)
    if number() == HANGS:
        folder = Path.cwd()
        threading.Thread(target=_hang, args=[folder], daemon=True).start()
    if number() != NAN:
        return given
    import keras

    return keras.losses.CategoricalCrossentropy(label_smoothing=float("nan"))


def metric() -> Any:
    """A metric of the compile cell."""
    if number() != METRIC_RAISES:
        return "accuracy"
    import keras

    class Accuracy(keras.metrics.CategoricalAccuracy):
        def update_state(self, *args: Any, **kwargs: Any) -> Any:
            raise ArithmeticError("this metric cannot be computed")

    return Accuracy(name="accuracy")


def _hang(folder: Path) -> None:
    """Stop the whole process once the record knows of an epoch."""
    events = folder.parents[1] / "events.jsonl"
    known = re.compile(rf'"epoch_ended".*"trial":{int(folder.name)},')
    while not known.search(events.read_text("utf-8")):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGSTOP)


def _impossible(hp: Any, inputs: Any = None) -> Any:
    import keras

    [node] = inputs
    return keras.layers.Reshape((7, 7, 7))(node)


def _large(build: Any) -> Any:
    def build_large(hp: Any, inputs: Any = None) -> Any:
        import keras

        [node] = inputs
        return build(hp, [keras.layers.Dense(100_000)(node)])

    return build_large
