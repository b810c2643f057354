"""What makes `fit` faster, where `benchmarks/fit.py` has measured that it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from notebook_automl.source.code import Code

if TYPE_CHECKING:
    from notebook_automl.workers.graph import Written
    from notebook_automl.workers.parts import Asked

# A dataset shuffles in a copy of what it holds; of more, a step takes most of the time.
_FEW_NUMBERS = 2**22
# What `fit` does between two steps takes as long as so much of a step; and a graph of
# several steps takes a fifth of a second more to trace.
_LIGHT_FLOPS = 10**8
_MANY_STEPS = 2_000
_TOGETHER = 8
# The way back takes twice as much as the way forward.
_BOTH_WAYS = 3


class Data(NamedTuple):
    """How `fit` is given its rows.

    Args:
        code: Statements before it.
        arguments: Its arguments, as source.
        after: Statements behind it.
    """

    code: Code
    arguments: tuple[str, ...]
    after: str = ""


def shared(asked: Asked) -> tuple[str, ...]:
    """Lines before the model that let several devices share each batch.

    Args:
        asked: The run's description.
    """
    if asked.devices == 1:
        return ()
    return (
        f"DEVICES = {asked.devices}",
        "# Each device has the whole model, and its part of each batch.",
        "devices = keras.distribution.list_devices()[:DEVICES]",
        "keras.distribution.set_distribution(",
        "    keras.distribution.DataParallel(devices=devices)",
        ")",
        "",
    )


def alone(asked: Asked) -> None:
    """Let what follows in this process run on one device.

    Args:
        asked: The run's description.
    """
    if asked.devices > 1:
        import keras

        keras.distribution.set_distribution(None)


def built(asked: Asked) -> str:
    """A line behind `compile`, if there is something to do.

    Args:
        asked: The run's description.
    """
    if not asked.backend.graphs:
        return ""
    return (
        "# A first step that makes the optimizer's variables would be traced twice.\n"
        "model.optimizer.build(model.trainable_variables)\n"
    )


def steps(asked: Asked, written: Written) -> dict[str, str]:
    """The argument of `compile` that lets several steps run in one go, if they shall.

    The budget is kept between two goes, so that these must be short.

    Args:
        asked: The run's description.
        written: What the search chose.
    """
    a_step = written.cost.flops * written.batch_size * _BOTH_WAYS
    of_all = written.epochs * written.rows / written.batch_size
    several = asked.backend.graphs and a_step < _LIGHT_FLOPS and of_all > _MANY_STEPS
    return {"steps_per_execution": str(_TOGETHER)} if several else {}


def data(asked: Asked, written: Written, weights: Mapping[str, str]) -> Data:
    """How `fit` is given its rows: a dataset of few ones, else the arrays.

    Args:
        asked: The run's description.
        written: What the search chose.
        weights: Arguments that say how much rows count.
    """
    if asked.devices > 1:
        arguments = (*_OF_PARTS, *_named(weights, "[parts]"))
        return Data(Code(source=_PARTS), arguments, _ALONE)
    few = 0 < written.numbers <= _FEW_NUMBERS and not asked.accelerated
    if not (asked.backend.graphs and few) or asked.folds:
        arguments = ("x_train", "y_train", _ARRAYS, "batch_size=BATCH_SIZE")
        return Data(Code(), (*arguments, *_named(weights)))
    rest = dict(weights)
    weight = rest.pop("sample_weight", None)
    train = ", ".join(filter(None, ["x_train", "y_train", weight]))
    code = Code(("import tensorflow as tf",), _DATASETS.format(train=train))
    return Data(code, (*_BATCHES, *_named(rest)))


def _named(arguments: Mapping[str, str], rows: str = "") -> list[str]:
    of_rows = {"sample_weight": rows}
    return [f"{name}={arguments[name]}{of_rows.get(name, '')}" for name in arguments]


_PARTS = """\
# The devices have equal parts of a batch: a row that is left over waits outside.
parts = slice(len(y_train) // DEVICES * DEVICES)
validation_parts = slice(len(y_validation) // DEVICES * DEVICES)
"""
_OF_PARTS = (
    "x_train[parts]",
    "y_train[parts]",
    "validation_data=(x_validation[validation_parts], y_validation[validation_parts])",
    "batch_size=BATCH_SIZE",
)
_ALONE = """\
# What follows takes any number of rows, on one device.
keras.distribution.set_distribution(None)
"""


_ARRAYS = "validation_data=(x_validation, y_validation)"
_DATASETS = """\
# Of so few rows, arrays spend most of an epoch on starting threads that read ahead.
options = tf.data.Options()
options.autotune.enabled = False
train_set = tf.data.Dataset.from_tensor_slices(({train}))
train_set = train_set.with_options(options)
validation_set = tf.data.Dataset.from_tensor_slices((x_validation, y_validation))
validation_set = validation_set.with_options(options)
"""
_BATCHES = (
    "train_set.shuffle(len(train_set)).batch(BATCH_SIZE)",
    "validation_data=validation_set.batch(BATCH_SIZE)",
    "shuffle=False",  # Keras warns that it leaves this to the dataset
)
