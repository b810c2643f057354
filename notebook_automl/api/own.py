"""What a person brings of their own to a search: loss, metrics, callbacks, weights."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any

from notebook_automl.api.weights import class_weight
from notebook_automl.errors import SearchError, UnknownNameError, nearest, received
from notebook_automl.record.schema import Schema
from notebook_automl.source.literals import literal
from notebook_automl.source.own import Belongings, is_own
from notebook_automl.tasks._keras_metrics import own_name, read_call, snake
from notebook_automl.tasks._losses import Loss, as_text, keras_loss
from notebook_automl.tasks._task import Metric, Task

MODES = ("auto", "max", "min")
# Callbacks of Keras's that need no function and do not get into the way of ours.
_CALLBACKS = (
    *("CSVLogger", "EarlyStopping", "ReduceLROnPlateau", "SwapEMAWeights"),
    *("TensorBoard", "TerminateOnNaN"),
)
# What a callback may be given: a constant of its trial's program each.
_KNOWN = {"trial": "TRIAL", "values": "VALUES"}
_OF_TARGETS = '''\
def {name}(y_true, y_pred):
    """`{of}` of targets as they came: the model learns differences from the mean."""
    return {of}(y_true + TARGET_MEAN, y_pred + TARGET_MEAN)
'''
_METRIC_OF_TARGETS = '''\
class {name}({of}):
    """`{of}` of targets as they came: the model learns differences from the mean."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = y_true + TARGET_MEAN, y_pred + TARGET_MEAN
        return super().update_state(y_true, y_pred, sample_weight)
'''
_LOSS_OF_TARGETS = '''\
class {name}({of}):
    """`{of}` of targets as they came: the model learns differences from the mean."""

    def call(self, y_true, y_pred):
        return super().call(y_true + TARGET_MEAN, y_pred + TARGET_MEAN)
'''


class Own:
    """What a search is given beside names, as source; for `search.json`.

    Args:
        search: A `Search`.
        task: Its task.
        schema: The data.

    Raises:
        SearchError: Something of it cannot be.
    """

    def __init__(self, search: Any, task: Task, schema: Schema) -> None:
        self._search, self._belongings = search, Belongings()
        self._classes = task.classes(schema)
        # Such a task's targets are centred before they are learned.
        self._centred = "TARGET_MEAN" in task.prepare(schema).source
        self._registered: dict[str, None] = {}
        self.metrics = self._metrics()
        self._loss = self._loss_of(search.loss)
        given = [] if search.callbacks is None else search.callbacks
        several = isinstance(given, list | tuple)
        self._callbacks = [self._callback(c) for c in (given if several else [given])]
        self._weight = class_weight(search.class_weight, schema, self._classes)
        self._check_folds()
        weight = schema.weight
        self._rows_weight = None if weight is None else vars(weight)
        if weight is not None and self._weight is not None:
            raise SearchError(
                "Expected class_weight or sample_weight, got both. Multiply the "
                "weights of the rows by those of their classes.",
                field="class_weight",
            )

    def to_json(self) -> dict[str, Any]:
        """The fields of `search.json` that this decides."""
        code = self._belongings.code
        last = [
            f"keras.saving.register_keras_serializable()({name})"
            for name in self._registered
        ]
        own = {
            "imports": list(code.imports) + (["import keras"] if last else []),
            "source": "\n\n".join([*([code.source] if code.source else []), *last]),
            "names": list(self._belongings.names),
        }
        loss = self._loss
        return {
            "own": own,
            "loss": None if loss is None else vars(loss),
            "callbacks": self._callbacks,
            "class_weight": self._weight,
            "sample_weight": self._rows_weight,
        }

    def _check_folds(self) -> None:
        """Refuse what the loop over folds cannot hold yet."""
        search = self._search
        if search.folds is None:
            return
        if self._centred and any("OfTargets" in n or "_of_" in n for n in self._names):
            given = "loss" if search.loss is not None else "metrics"
            raise SearchError(
                f"Expected no {given} of yours with folds of numbers, got folds="
                f"{search.folds!r}. Leave out one of them.",
                field=given,
            )

    @property
    def _names(self) -> tuple[str, ...]:
        return self._belongings.names

    def _metrics(self) -> dict[str, Metric]:
        """Those of the metrics that are the person's own."""
        search, found = self._search, {}
        given = search.metrics
        several = isinstance(given, Sequence) and not isinstance(given, str)
        two = isinstance(search.metric, list | tuple)
        first, *more = search.metric if two else [search.metric]
        for metric in [first, *more, *(given if several else [given])]:
            plain = isinstance(metric, FunctionType | type)
            if not is_own(metric if plain else type(metric)):
                continue
            objective = metric is first
            self._belongings.where = "metric" if objective else "metrics"
            name = own_name(metric)
            if name == "loss" or not name.isidentifier():
                raise self._refused("a metric with another name", metric, "Rename it")
            if objective and search.mode == "auto":
                raise SearchError(
                    f"Expected mode to say which way {name!r} is better, "
                    f'{received(search.mode)}. Type mode="max" or mode="min".',
                    field="mode",
                )
            mode = "max" if search.mode == "auto" else search.mode
            found[name] = Metric(self._metric_code(name, metric), mode)
        return found

    def _metric_code(self, name: str, metric: Any) -> str:
        """The entry of `compile(metrics=[...])`."""
        if not isinstance(metric, FunctionType):
            needed = ("update_state", "result")
            return self._made(metric, needed, _METRIC_OF_TARGETS, f"name={name!r}")
        code = self._registered_function(metric)
        if not self._centred:
            return code
        return f"keras.metrics.MeanMetricWrapper({code}, name={literal(name)})"

    def _loss_of(self, given: Any) -> Loss | None:
        """The loss; None for the task's own."""
        self._belongings.where = "loss"
        if given is None:
            return None
        if isinstance(given, FunctionType) and is_own(given):
            return Loss(given.__name__, self._registered_function(given))
        kind = given if isinstance(given, type) else type(given)
        if is_own(kind):
            code = self._made(given, ("call",), _LOSS_OF_TARGETS, "")
            return Loss(snake(kind.__name__), code)
        text = as_text(given)
        if text is None:
            raise self._refused(
                "a loss", given, 'Type loss="huber", or give a function of yours'
            )
        loss = keras_loss(text, self._classes)
        if not loss.absolute:
            return loss
        function = f"keras.losses.{loss.name}"
        return Loss(loss.name, self._shifted(function, loss.name, _OF_TARGETS))

    def _registered_function(self, function: FunctionType) -> str:
        """A function of targets and predictions, known to saved models."""
        name = self._belongings.take(function)
        if self._centred:
            return self._shifted(name, name, _OF_TARGETS)
        self._registered[name] = None
        return name

    def _made(
        self, thing: Any, needed: tuple[str, ...], shifted: str, named: str
    ) -> str:
        """A class of targets and predictions, made with its own arguments."""
        kind = thing if isinstance(thing, type) else type(thing)
        if not all(callable(getattr(kind, method, None)) for method in needed):
            field = self._belongings.where
            base = "keras.losses.Loss" if field == "loss" else "keras.metrics.Metric"
            raise self._refused(
                f"a function, or a class that derives from {base}",
                thing,
                "See help of that class",
            )
        self._check_loads(kind)
        config = {} if thing is kind else self._config(thing)
        parameters = _parameters(_constructor(kind))
        given = [
            f"{key}={self._plain(key, value, kind)}"
            for key, value in config.items()
            if key in parameters and key not in ("name", "dtype", "reduction")
        ]
        name = self._belongings.take(kind)
        if self._centred:
            name = self._shifted(name, kind.__name__, shifted)
        else:
            self._registered[name] = None
        return f"{name}({', '.join([*given, *([named] if named else [])])})"

    def _check_loads(self, kind: type) -> None:
        """Refuse a class that a saved model could not be loaded with."""
        base_config = {"name", "dtype"}
        if self._belongings.where == "loss":
            base_config.add("reduction")
        taken = _parameters(_constructor(kind))
        own = any("get_config" in vars(base) and is_own(base) for base in kind.__mro__)
        if "**" not in taken and not own and not base_config <= set(taken):
            raise self._refused(
                f"{kind.__name__} to be loaded with a saved model, which gives its "
                f"constructor {', '.join(sorted(base_config))}",
                kind,
                "Write def __init__(self, ..., **kwargs) and hand these to "
                "super().__init__(**kwargs)",
            )

    def _config(self, thing: Any) -> Mapping[str, Any]:
        config = getattr(thing, "get_config", None)
        told = config() if callable(config) else None
        if not isinstance(told, Mapping):
            raise self._refused(
                "a class, or an object that tells its options in get_config()",
                thing,
                f"Give the class {type(thing).__name__} itself",
            )
        return told

    def _shifted(self, of: str, name: str, form: str) -> str:
        """A function or class of targets as they came, of one that knows no mean."""
        suffix = "OfTargets" if name[:1].isupper() else "_of_targets"
        made = f"{name}{suffix}"
        self._belongings.take_source(made, form.format(name=made, of=of))
        self._registered[made] = None
        return made

    def _callback(self, given: Any) -> dict[str, str]:
        """One callback: what it is called, and the entry of the list."""
        self._belongings.where = "callbacks"
        if isinstance(given, str):
            return _keras_callback(given)
        made = given.func if isinstance(given, functools.partial) else given
        options = dict(given.keywords) if isinstance(given, functools.partial) else {}
        if isinstance(given, functools.partial) and given.args:
            raise self._refused("options by their names", given, "Type every=3")
        if not isinstance(made, FunctionType | type):
            raise self._refused(
                "a class, a function that makes a callback, or a name of Keras's",
                given,
                f"Give the class {type(given).__name__} itself, or functools.partial("
                f"{type(given).__name__}, ...) with its options",
            )
        if isinstance(made, type) and not hasattr(made, "set_model"):
            raise self._refused(
                "a class that derives from keras.callbacks.Callback",
                made,
                "Write class Mine(keras.callbacks.Callback)",
            )
        own = is_own(made)
        name = self._belongings.take(made) if own else self._belongings.refer(made)
        if name is None:
            raise self._refused("a callback that can be imported", made, "Write yours")
        constructor = _constructor(made) if isinstance(made, type) else made
        parameters = _parameters(constructor) if own else []
        known = {k: v for k, v in _KNOWN.items() if k in parameters}
        texts = known | {k: self._plain(k, v, made) for k, v in options.items()}
        arguments = ", ".join(f"{key}={text}" for key, text in texts.items())
        return {"name": made.__name__, "code": f"{name}({arguments})"}

    def _plain(self, key: str, value: Any, owner: Any) -> str:
        try:
            return literal(value)
        except TypeError:
            raise self._refused(
                f"plain options of {owner.__name__}, {key!r} is none",
                value,
                "Write numbers, texts, lists or dictionaries of these",
            ) from None

    def _refused(self, expected: str, value: Any, advice: str) -> SearchError:
        return SearchError(
            f"Expected {expected}, {received(value)}. {advice}.",
            field=self._belongings.where,
        )


def check_mode(given: Any, metric: str, known: str) -> None:
    """Refuse a mode that cannot be, or is not that of the objective.

    Args:
        given: The field of `Search`.
        metric: The objective's name.
        known: Its mode.

    Raises:
        SearchError: With the mode that it has.
    """
    if not isinstance(given, str) or given not in MODES:
        raise SearchError(
            f"Expected mode to be one of {', '.join(MODES)}, {received(given)}."
            f'{nearest(given, MODES)} Type mode="auto".',
            field="mode",
        )
    if given not in ("auto", known):
        better = "more" if known == "max" else "less"
        raise SearchError(
            f"Expected mode={known!r} for {metric}, of which {better} is better, "
            f'{received(given)}. Type mode="auto".',
            field="mode",
        )


def _constructor(kind: type) -> Any:
    """The `__init__` that a class has or inherits; Keras's classes hide it."""
    return next(vars(k)["__init__"] for k in kind.__mro__ if "__init__" in vars(k))


def _parameters(function: Any) -> list[str]:
    """The names that may be given; "**" if all may be."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return ["**" if p.kind is p.VAR_KEYWORD else p.name for p in found]


def _keras_callback(text: str) -> dict[str, str]:
    """A callback of Keras's from its name or an expression."""
    kind, arguments = read_call(text) or (text, {})
    kind = kind.removeprefix("callbacks.")
    if kind not in _CALLBACKS:
        raise UnknownNameError(
            f"Expected a callback of Keras's, {received(text)}."
            f"{nearest(kind, _CALLBACKS)} There are: {', '.join(_CALLBACKS)}; or give "
            "a class of yours.",
            field="callbacks",
        )
    given = ", ".join(f"{key}={literal(value)}" for key, value in arguments.items())
    return {"name": kind, "code": f"keras.callbacks.{kind}({given})"}
