"""Keras's own losses by name, known without Keras: which fit, and in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notebook_automl.errors import SearchError, UnknownNameError, nearest, received
from notebook_automl.source.literals import literal
from notebook_automl.tasks._keras_metrics import read_call, snake

_CROSS = ("from_logits", "label_smoothing")
_FOCAL = ("alpha", "gamma", *_CROSS)
_BINARY: dict[str, tuple[str, ...]] = {
    "BinaryCrossentropy": _CROSS,
    "BinaryFocalCrossentropy": ("apply_class_balancing", *_FOCAL),
    "Dice": (),
    "Hinge": (),
    "Huber": ("delta",),
    "LogCosh": (),
    "MeanAbsoluteError": (),
    "MeanSquaredError": (),
    "Poisson": (),
    "SquaredHinge": (),
    "Tversky": ("alpha", "beta"),
}
_SEVERAL = _BINARY | {
    "CategoricalCrossentropy": _CROSS,
    "CategoricalFocalCrossentropy": _FOCAL,
    "CategoricalHinge": (),
    "CosineSimilarity": (),
    "KLDivergence": (),
}
_NUMBERS: dict[str, tuple[str, ...]] = {
    "Huber": ("delta",),
    "LogCosh": (),
    "MeanAbsoluteError": (),
    "MeanAbsolutePercentageError": (),
    "MeanSquaredError": (),
    "MeanSquaredLogarithmicError": (),
    "Poisson": (),
}
# Keras's own short words.
_SHORT = {
    "bce": "BinaryCrossentropy",
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError",
    "kld": "KLDivergence",
}
# How a loss grows with the unit of the targets; other losses have a scale of their own.
_DEGREES = {"MeanSquaredError": 2, "MeanAbsoluteError": 1, "Huber": 1, "LogCosh": 1}
# These are other numbers for targets that are centred.
_WITH_MEAN = ("MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "Poisson")


@dataclass(frozen=True)
class Loss:
    """A loss as Keras computes it.

    Args:
        name: What it is called.
        code: The argument of `compile`.
        degree: By which power it grows with the targets' unit; None if by none.
        absolute: Whether it needs the targets as they came, and not centred.
    """

    name: str
    code: str
    degree: int | None = None
    absolute: bool = False


def keras_loss(text: str, classes: int) -> Loss:
    """A loss of Keras's.

    Args:
        text: Its name such as "huber", or an expression that makes it.
        classes: How many classes are learned; 1 for numbers.

    Raises:
        SearchError: There is no such loss, it does not fit, or not its arguments.
    """
    read = read_call(text)
    kind, arguments = read if read is not None else (text, {})
    kind = kind.removeprefix("losses.")
    found = _NUMBERS if classes == 1 else _BINARY if classes == 2 else _SEVERAL
    kind = next(
        (k for k in found if kind in (k, snake(k)) or _SHORT.get(kind.lower()) == k),
        kind,
    )
    if kind not in found:
        learned = "numbers" if classes == 1 else f"{classes} classes"
        names = [snake(k) for k in found]
        raise UnknownNameError(
            f"Expected a loss of Keras's that fits {learned}, {received(text)}."
            f"{nearest(snake(kind), names)} There are: {', '.join(names)}; or give a "
            "function of yours.",
            field="loss",
        )
    for argument in arguments:
        if argument not in found[kind]:
            raise SearchError(
                f"Expected arguments of keras.losses.{kind}, {received(argument)}."
                f"{nearest(argument, found[kind])} It takes: "
                f"{', '.join(found[kind]) or 'none'}.",
                field="loss",
            )
    given = ", ".join(f"{key}={literal(value)}" for key, value in arguments.items())
    code = f"keras.losses.{kind}({given})" if given else literal(snake(kind))
    return Loss(snake(kind), code, _DEGREES.get(kind), kind in _WITH_MEAN)


def as_text(loss: Any) -> str | None:
    """How a loss is named that came as Keras's own object, class or function.

    Args:
        loss: Anything.

    Returns:
        A name or an expression; None if it is none of Keras's.
    """
    if isinstance(loss, str):
        return loss
    if getattr(loss, "__module__", "").partition(".")[0] != "keras":
        return None
    if hasattr(loss, "__name__"):
        return str(loss.__name__)
    kind, config = type(loss).__name__, loss.get_config()
    options: Mapping[str, tuple[str, ...]] = {**_SEVERAL, **_NUMBERS}
    given = {k: v for k, v in config.items() if k in options.get(kind, ())}
    try:
        arguments = ", ".join(f"{key}={literal(value)}" for key, value in given.items())
    except TypeError:  # an option that is no plain value
        return None
    return f"keras.losses.{kind}({arguments})"
