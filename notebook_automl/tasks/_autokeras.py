"""The one file that knows AutoKeras: its graph, built from values that we are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import keras

from notebook_automl.errors import UnsupportedLayerError
from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.record.schema import Schema
from notebook_automl.source.backends import only
from notebook_automl.source.naming import named
from notebook_automl.tasks._body import is_of_graph, space_of, wrong_line
from notebook_automl.tasks._limits import Fixed, fitted, limit_of, within
from notebook_automl.tasks._task import Prepared, Task

with only(keras.config.backend()):
    import autokeras
    import keras_tuner
    from keras_tuner.engine import hyperparameters

Ask = Callable[[Parameter], Value]


class AskedHyperParameters(keras_tuner.HyperParameters):
    """AutoKeras's hyperparameters, each asked for the first time that a block uses it.

    KerasTuner passes every `hp.Choice`, `Int`, `Float` and `Boolean` through
    `_register` when it is first met in a build, whatever the block.

    Args:
        ask: Answers a parameter with a value.
        limits: Patterns of paths and the choices that a task leaves of each.
        space: Patterns of paths and what a person leaves of each; they count before
            the task's.
        settled: Takes the values that a person has fixed.
    """

    def __init__(
        self,
        ask: Ask,
        limits: Mapping[str, tuple[Any, ...]],
        space: Mapping[str, Any],
        settled: dict[str, Value],
    ) -> None:
        super().__init__()
        self._ask = ask
        self._asked: set[str] = set()
        self._limits = limits
        self._narrowed = space
        self._settled = settled

    def _register(self, hyperparameter: Any, overwrite: bool = False) -> Any:
        hp = hyperparameter
        if hp.name not in self.values and self.is_active(hp):
            self.values[hp.name] = self._answer(hp)
        return super()._register(hp, overwrite)

    def _answer(self, hp: Any) -> Value:
        if isinstance(hp, hyperparameters.Fixed):
            return hp.value  # type: ignore[no-any-return]
        parameter = _parameter(hp)
        left: Parameter | Fixed = parameter
        if own := limit_of(self._narrowed, hp.name):
            left = fitted(parameter, *own)
            if isinstance(left, Fixed):
                if hp.name.endswith("pretrained") and left.value:
                    raise UnsupportedLayerError(
                        f"Expected a network without ImageNet weights, got "
                        f"{hp.name}=True. Leave it out of space=."
                    )
                self._settled[hp.name] = left.value
                return named(left.value, hp.name)
        elif limit := limit_of(self._limits, hp.name):
            left = within(parameter, limit[1])
        if isinstance(left, Fixed):
            return left.value
        self._asked.add(hp.name)
        return self._ask(replace(left, conditions=self._conditions_of(hp)))

    def _conditions_of(self, hp: Any) -> tuple[tuple[str, tuple[Value, ...]], ...]:
        """What other parameters must be, as far as these are asked for."""
        return tuple(
            (condition.name, tuple(condition.values))
            for condition in hp.conditions
            if condition.name in self._asked
        )


def _parameter(hp: Any) -> Parameter:
    """KerasTuner's description of a hyperparameter in our own words."""
    if isinstance(hp, hyperparameters.Boolean):
        return Parameter(hp.name, choices=(False, True), default=hp.default)
    if isinstance(hp, hyperparameters.Choice):
        return Parameter(
            hp.name, choices=tuple(hp.values), ordered=hp.ordered, default=hp.default
        )
    log = hp.sampling != "linear"
    return Parameter(
        hp.name,
        low=hp.min_value,
        high=hp.max_value,
        step=None if log else hp.step,
        log=log,
        whole=isinstance(hp, hyperparameters.Int),
        default=hp.default,
    )


class RescaledRegressionHead(autokeras.RegressionHead):
    """AutoKeras's regression head, with outputs in the target's own unit.

    Args:
        std: Standard deviation of the training targets.
        **kwargs: As `autokeras.RegressionHead`.
    """

    def __init__(self, std: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.std = std

    def build(self, hp: Any, inputs: Any = None) -> Any:
        """Build AutoKeras's head, then scale what it gives."""
        outputs = super().build(hp, inputs)
        return keras.layers.Rescaling(self.std)(outputs)


class WordsBlock(autokeras.Block):
    """AutoKeras's text block over codes of words, and two more kinds beside it.

    AutoKeras sizes its vocabulary by a hyperparameter that its tokenizer does not know;
    here the embedding has the size of the vocabulary that the data have.

    Args:
        codes: How many codes there are.
        **kwargs: As `autokeras.Block`.
    """

    def __init__(self, codes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.codes = codes

    def build(self, hp: Any, inputs: Any = None) -> Any:
        """Embed the words, then convolve them, let them recur, or only pool them."""
        kinds = {
            "vanilla": [autokeras.ConvBlock()],
            "pooled": [],
            "recurrent": [autokeras.RNNBlock()],
        }
        kind = hp.Choice("block_type", list(kinds), default="vanilla")
        with hp.conditional_scope("block_type", [kind]):
            embedding = autokeras.Embedding(max_features=self.codes)
            reduce = autokeras.SpatialReduction()
            node = inputs
            for block in [embedding, *kinds[kind], reduce, autokeras.DenseBlock()]:
                node = block.build(hp, node)
        return node


class WeightlessGraph(autokeras.graph.Graph):
    """AutoKeras's graph, whose weights have shapes and no values: nobody trains it."""

    def build(self, hp: Any) -> Any:
        """Build AutoKeras's model without drawing what its weights begin with."""
        with ExitStack() as self._weightless:
            scope = keras.StatelessScope(initialize_variables=False)
            self._weightless.enter_context(scope)
            return super().build(hp)

    def _compile_keras_model(self, hp: Any, model: Any) -> Any:
        self._weightless.close()  # an optimizer's count of steps has a value
        return super()._compile_keras_model(hp, model)


@dataclass(frozen=True)
class BuiltGraph:
    """AutoKeras's graph of one set of values.

    Args:
        model: The compiled Keras model; its options carry the paths of their values.
            Its weights have no values.
        values: Every value that was asked for or that a person has fixed, by its path.
    """

    model: Any
    values: dict[str, Value]


def reset(free_memory: bool = True) -> None:
    """Forget built models, and count AutoKeras's and Keras's names from one again.

    Args:
        free_memory: Whether what they held is collected at once, which takes a while.
    """
    keras.backend.clear_session(free_memory)


def build_graph(
    task: Task,
    schema: Schema,
    prepared: Prepared,
    fit: tuple[int, int],
    ask: Ask,
    narrowed: Mapping[str, Any] | None = None,
    source: str | None = None,
) -> BuiltGraph:
    """Build AutoKeras's graph of a task from the values that `ask` gives.

    AutoKeras numbers its unnamed blocks and so its parameter paths; Keras's counters
    are reset first, so that the paths are the same in each build.

    Args:
        task: The task whose space is built.
        schema: The data.
        prepared: Shapes and constants of the prepared data.
        fit: Epochs and batch size, which the schedule of AutoKeras's AdamW needs.
        ask: Answers each parameter.
        narrowed: What a person has left of the space, see `_limits`.
        source: A graph of the person's own, see `_body`; the task's without one.

    Returns:
        The compiled model and its values.
    """
    reset()
    space = task.space(autokeras, schema, prepared)
    if source is not None:
        space = space_of((autokeras, keras), source, space, prepared)
    graph = WeightlessGraph(inputs=space.inputs, outputs=space.outputs)
    epochs, batch_size = fit
    for node, shape in zip(graph.inputs, prepared.x_shapes.values(), strict=True):
        node.shape, node.dtype = shape, "float32"
        node.batch_size, node.num_samples = batch_size, prepared.rows
    for node, shape in zip(graph.outputs, prepared.y_shapes.values(), strict=True):
        node.in_blocks[0].shape = shape
    graph.set_fit_args(0, epochs=epochs)
    asked: dict[str, Value] = {}

    def answer(parameter: Parameter) -> Value:
        asked[parameter.name] = ask(parameter)
        return named(asked[parameter.name], parameter.name)

    hp = AskedHyperParameters(answer, space.limits, narrowed or {}, asked)
    try:
        return BuiltGraph(graph.build(hp), asked)
    except Exception as error:
        if source is not None and is_of_graph(error):
            raise wrong_line(error) from error
        raise
