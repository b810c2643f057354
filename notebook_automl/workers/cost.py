"""What a model will take, from its graph alone: weights, work and memory."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# A multiplication and an addition.
_MULTIPLY_ADD = 2
_FLOAT_BYTES = 4
_MIB = 2**20
# Layers whose weights are looked up, and multiply nothing.
_LOOKED_UP = ("Embedding", "Normalization", "Discretization", "StringLookup")
# Kernels that are applied again at every step of a sequence.
_RECURRENT = ("LSTM", "GRU", "SimpleRNN")


@dataclass(frozen=True)
class Cost:
    """What a model takes.

    Args:
        parameters: Weights.
        flops: Floating-point operations of one sample's way forward.
        memory_mib: Of one training step: weights, gradients, the optimizer's own, and
            what a batch leaves in each layer for the way back.
    """

    parameters: int
    flops: int
    memory_mib: float


def cost(model: Any, batch_size: int) -> Cost:
    """Count what a model takes, before it is trained.

    Args:
        model: A compiled Keras model.
        batch_size: Rows of a training step.

    Returns:
        Its cost, with shapes that are unknown taken as 1.
    """
    layers = list(_layers(model))
    parameters = int(model.count_params())
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    activations = sum(_elements(_outputs(layer)) for layer in layers)
    kept = parameters + trainable * (1 + _slots(model.optimizer))
    # Each activation waits for its gradient.
    values = kept + 2 * activations * batch_size
    return Cost(
        parameters=parameters,
        flops=sum(_flops(layer) for layer in layers),
        memory_mib=round(values * _FLOAT_BYTES / _MIB, 3),
    )


def _layers(model: Any) -> Iterator[Any]:
    """All layers that compute, those of nested networks too."""
    for layer in model.layers:
        if hasattr(layer, "layers") and hasattr(layer, "operations"):
            yield from _layers(layer)
        elif type(layer).__name__ != "InputLayer":
            yield layer


def _flops(layer: Any) -> int:
    """Operations for one sample: each kernel once a place, and one an output."""
    kind, outputs = type(layer).__name__, _elements(_outputs(layer))
    if kind in _LOOKED_UP:
        return outputs
    if kind == "Bidirectional":
        return _flops_of(layer.forward_layer, layer) + _flops_of(
            layer.backward_layer, layer
        )
    if kind.endswith("Pooling1D") or kind.endswith("Pooling2D"):
        pool = getattr(layer, "pool_size", None)
        # A global one reads each input once.
        return outputs * math.prod(pool) if pool else _elements([layer.input])
    return _flops_of(layer, layer) + outputs


def _flops_of(layer: Any, placed: Any) -> int:
    """What the kernels of a layer take where it stands in the graph."""
    kind = type(layer).__name__
    if kind in _RECURRENT:
        places = placed.input.shape[1] or 1
    elif kind.endswith("Transpose"):
        places = _places(placed.input.shape)
    else:
        places = _places(_outputs(placed)[0].shape)
    kernels = sum(
        math.prod(weight.shape)
        for weight in layer.weights
        if "kernel" in weight.path.rpartition("/")[2]
    )
    return int(_MULTIPLY_ADD * kernels * places)


def _places(shape: tuple[int | None, ...]) -> int:
    """At how many places of a sample a kernel is applied."""
    return math.prod(size or 1 for size in shape[1:-1])


def _outputs(layer: Any) -> list[Any]:
    """The tensors that a layer gives."""
    output = layer.output
    return list(output) if isinstance(output, list | tuple) else [output]


def _elements(tensors: list[Any]) -> int:
    """Numbers of one sample."""
    return sum(math.prod(size or 1 for size in t.shape[1:]) for t in tensors)


def _slots(optimizer: Any) -> int:
    """How many numbers an optimizer keeps for each weight."""
    import keras

    described = keras.optimizers.serialize(optimizer)
    # How fast it learns does not matter.
    usual = described["config"].keys() - {"name", "learning_rate"}
    described["config"] = {key: described["config"][key] for key in usual}
    return _slots_of(json.dumps(described, sort_keys=True))


@lru_cache
def _slots_of(described: str) -> int:
    """The same of an optimizer as JSON: making one takes milliseconds."""
    import keras

    probe = keras.optimizers.deserialize(json.loads(described))
    before = len(probe.variables)
    probe.build([keras.Variable([0.0])])
    return len(probe.variables) - before


def too_large(found: Cost, max_model_size: int | None, memory_mib: float | None) -> str:
    """Say why a model is not trained; empty if it is.

    Args:
        found: What it takes.
        max_model_size: The most weights that are allowed; None is without limit.
        memory_mib: What its device has; None if nobody knows.
    """
    if max_model_size is not None and found.parameters > max_model_size:
        return (
            f"the model has {found.parameters:,} parameters, more than "
            f"max_model_size={max_model_size:,}"
        )
    if memory_mib is not None and found.memory_mib > memory_mib:
        return (
            f"a training step takes about {found.memory_mib:,.0f} MiB, more than the "
            f"{memory_mib:,.0f} MiB that there are"
        )
    return ""
