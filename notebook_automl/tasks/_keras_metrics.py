"""Keras's own metrics by name, known without Keras: which fit, and which way is better.

A metric is named as in code: `keras.metrics.AUC(curve="PR")`, `AUC`, or by Keras's own
word for it, `top_k_categorical_accuracy`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from types import FunctionType
from typing import Any, NamedTuple

from notebook_automl.errors import SearchError, UnknownNameError, nearest, received
from notebook_automl.source.literals import literal
from notebook_automl.source.own import is_own
from notebook_automl.tasks._metrics import in_target_unit
from notebook_automl.tasks._task import Metric


class _Known(NamedTuple):
    """A class of `keras.metrics`.

    Args:
        mode: "max" where more is better, else "min".
        arguments: What may be given beside `name`.
        needed: The first of these must be.
    """

    mode: str
    arguments: tuple[str, ...] = ()
    needed: int = 0


_CURVE = ("num_thresholds", "class_id")
_COUNT = ("thresholds", "top_k", "class_id")
_OF_CLASSES = {
    "AUC": _Known(
        "max",
        ("num_thresholds", "curve", "summation_method", "thresholds", "multi_label"),
    ),
    "BinaryAccuracy": _Known("max", ("threshold",)),
    "BinaryCrossentropy": _Known("min", ("label_smoothing",)),
    "CategoricalAccuracy": _Known("max"),
    "CategoricalCrossentropy": _Known("min", ("label_smoothing",)),
    "CategoricalHinge": _Known("min"),
    "CosineSimilarity": _Known("max"),
    "F1Score": _Known("max", ("average", "threshold")),
    "FBetaScore": _Known("max", ("average", "beta", "threshold")),
    "FalseNegatives": _Known("min", ("thresholds",)),
    "FalsePositives": _Known("min", ("thresholds",)),
    "Hinge": _Known("min"),
    "KLDivergence": _Known("min"),
    "MeanAbsoluteError": _Known("min"),
    "MeanSquaredError": _Known("min"),
    "Poisson": _Known("min"),
    "Precision": _Known("max", _COUNT),
    "PrecisionAtRecall": _Known("max", ("recall", *_CURVE), 1),
    "Recall": _Known("max", _COUNT),
    "RecallAtPrecision": _Known("max", ("precision", *_CURVE), 1),
    "RootMeanSquaredError": _Known("min"),
    "SensitivityAtSpecificity": _Known("max", ("specificity", *_CURVE), 1),
    "SpecificityAtSensitivity": _Known("max", ("sensitivity", *_CURVE), 1),
    "SquaredHinge": _Known("min"),
    "TopKCategoricalAccuracy": _Known("max", ("k",)),
    "TrueNegatives": _Known("max", ("thresholds",)),
    "TruePositives": _Known("max", ("thresholds",)),
}
_OF_SEVERAL = (
    *("CategoricalAccuracy", "CategoricalCrossentropy", "CategoricalHinge"),
    *("CosineSimilarity", "KLDivergence", "TopKCategoricalAccuracy"),
)
# Those that are the same for centred targets; the others are written to know the mean.
_OF_NUMBERS = {
    "LogCoshError": _Known("min"),
    "MeanAbsoluteError": _Known("min"),
    "MeanAbsolutePercentageError": _Known("min"),
    "MeanSquaredError": _Known("min"),
    "MeanSquaredLogarithmicError": _Known("min"),
    "R2Score": _Known("max"),
    "RootMeanSquaredError": _Known("min"),
}
_WITH_MEAN = ("MeanAbsolutePercentageError", "MeanSquaredLogarithmicError")


def known(classes: int) -> Mapping[str, _Known]:
    """The classes of `keras.metrics` that fit.

    Args:
        classes: How many classes are learned; 1 for numbers.
    """
    if classes == 2:  # one output tells both
        return {k: v for k, v in _OF_CLASSES.items() if k not in _OF_SEVERAL}
    return _OF_CLASSES if classes > 1 else _OF_NUMBERS


def as_text(metric: Any) -> str | None:
    """How a metric is named that came as an object of Keras or as its configuration.

    Args:
        metric: A name, a `keras.metrics.Metric`, what `keras.metrics.serialize` makes
            of one, a class or function of Keras's, or a person's own.

    Returns:
        A name or an expression; None if it is nothing of these.
    """
    if isinstance(metric, str):
        return metric
    if is_own(metric) or is_own(type(metric)):
        return own_name(metric)
    if isinstance(metric, FunctionType | type):
        return str(metric.__name__)
    if isinstance(metric, Mapping):
        kind, config = metric.get("class_name"), metric.get("config")
    elif type(metric).__module__.partition(".")[0] == "keras":
        kind, config = type(metric).__name__, metric.get_config()
    else:
        return None
    if not isinstance(kind, str) or not isinstance(config, Mapping):
        return None
    fits = {**_OF_CLASSES, **_OF_NUMBERS}.get(kind, _Known(""))
    names = (*fits.arguments, "name")
    given = {k: v for k, v in config.items() if k in names and v is not None}
    try:
        arguments = ", ".join(f"{key}={literal(value)}" for key, value in given.items())
    except TypeError:  # an option that is no plain value
        return None
    return f"keras.metrics.{kind}({arguments})"


def own_name(metric: Any) -> str:
    """The name that the values of a person's own metric have.

    Args:
        metric: A function, a class or an object of one.
    """
    if isinstance(metric, FunctionType):
        return metric.__name__
    if isinstance(metric, type):
        return snake(metric.__name__)
    # An object without a name of its own has that of one of its bases.
    inherited = {snake(kind.__name__) for kind in type(metric).__mro__}
    name = str(getattr(metric, "name", "mean"))
    return snake(type(metric).__name__) if name in inherited else name


def keras_metric(text: str, classes: int, field: str) -> tuple[str, Metric] | None:
    """Read a metric of Keras's.

    Args:
        text: Its name, or an expression that makes it.
        classes: How many classes are learned; 1 for numbers.
        field: The field of `Search` that it stands in.

    Returns:
        The name that its values have, and the metric; None if it is none of Keras's.

    Raises:
        SearchError: Arguments that it does not have, or lacks.
    """
    read = read_call(text)
    if read is None:
        return None
    kind, arguments = read
    found = known(classes)
    kind = next((k for k in found if kind in (k, snake(k))), kind)
    if kind not in found:
        if text == kind:
            return None
        learned = "classes" if classes > 1 else "numbers"
        raise UnknownNameError(
            f"Expected a metric of Keras's that fits {learned}, {received(text)}."
            f"{nearest(kind, found)} There are: {', '.join(found)}.",
            field=field,
        )
    name = arguments.pop("name", snake(kind))
    _check_arguments(text, kind, name, arguments, found[kind], field)
    if classes == 2 and kind in ("F1Score", "FBetaScore"):
        arguments.setdefault("threshold", 0.5)
    if kind in ("F1Score", "FBetaScore"):
        arguments.setdefault("average", "macro")
    if kind in _WITH_MEAN and classes == 1:
        return name, in_target_unit(snake(kind), name)
    given = [f"{key}={literal(value)}" for key, value in arguments.items()]
    code = f"keras.metrics.{kind}({', '.join([*given, f'name={literal(name)}'])})"
    return name, Metric(code, found[kind].mode)


def read_call(text: str) -> tuple[str, dict[str, Any]] | None:
    """A class's name and its arguments; None for what is no such expression."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
        call = node if isinstance(node, ast.Call) else None
        name = ast.unparse(call.func if call else node)
        if call is None:
            arguments = {}
        elif call.args or any(keyword.arg is None for keyword in call.keywords):
            return None
        else:
            arguments = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError):
        return None
    return name.removeprefix("keras.").removeprefix("metrics."), arguments


def snake(kind: str) -> str:
    """Keras's own name for a class's values: `TopKAccuracy` is `top_k_accuracy`."""
    apart = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", apart).lower()


def _check_arguments(
    text: str,
    kind: str,
    name: Any,
    arguments: Mapping[str, Any],
    known: _Known,
    field: str,
) -> None:
    """Refuse what the constructor would refuse, in every trial."""
    allowed = ", ".join((*known.arguments, "name"))
    advice = f"keras.metrics.{kind} takes {allowed}, each by its name."
    if missing := [n for n in known.arguments[: known.needed] if n not in arguments]:
        raise SearchError(
            f"Expected {missing[0]} for that metric, {received(text)}. {advice} Type "
            f'"keras.metrics.{kind}({missing[0]}=0.5)".',
            field=field,
        )
    for argument in arguments:
        if argument not in known.arguments:
            raise SearchError(
                f"Expected arguments of keras.metrics.{kind}, {received(argument)}."
                f"{nearest(argument, known.arguments)} {advice}",
                field=field,
            )
    if not isinstance(name, str) or not (name.isascii() and name.isidentifier()):
        raise SearchError(
            f"Expected name to be a word of letters, digits and underscores, "
            f'{received(name)}. Type name="score".',
            field=field,
        )
