"""What a model takes, against sums made by hand and numbers that were published."""

from __future__ import annotations

import math
from typing import Any

import keras
import pytest
from keras import layers

from notebook_automl.workers.cost import Cost, cost, too_large


def model(shape: tuple[int, ...], *stack: Any) -> keras.Model:
    """A compiled model of layers one after the other."""
    inputs = tensor = keras.Input(shape)
    for layer in stack:
        tensor = layer(tensor)
    built = keras.Model(inputs, tensor)
    built.compile("adam", "mse")
    return built


# Input, layer, and what it does for one sample: products and sums, then its outputs.
LAYERS = [
    ((4,), layers.Dense(10), 2 * 4 * 10 + 10),
    ((7, 4), layers.Dense(10), 7 * (2 * 4 * 10 + 10)),
    ((28, 28, 1), layers.Conv2D(8, 3), 26 * 26 * 8 * (2 * 9 + 1)),
    ((28, 28, 4), layers.Conv2D(8, 3, groups=2), 26 * 26 * 8 * (2 * 9 * 2 + 1)),
    ((28, 28, 4), layers.Conv2D(8, 3, strides=2), 13 * 13 * 8 * (2 * 9 * 4 + 1)),
    (
        (28, 28, 4),
        layers.SeparableConv2D(8, 3),
        26 * 26 * (2 * 9 * 4 + 2 * 4 * 8 + 8),
    ),
    ((9, 9, 4), layers.Conv2DTranspose(8, 3), 81 * 2 * 9 * 4 * 8 + 121 * 8),
    ((20, 3), layers.Conv1D(5, 4), 17 * 5 * (2 * 4 * 3 + 1)),
    ((8, 8, 2), layers.MaxPooling2D(2), 4 * 4 * 2 * 4),
    ((8, 8, 2), layers.GlobalAveragePooling2D(), 8 * 8 * 2),
    ((20, 3), layers.LSTM(5), 20 * 2 * (3 + 5) * 4 * 5 + 5),
    (
        (20, 3),
        layers.Bidirectional(layers.GRU(5, return_sequences=True)),
        2 * 20 * 2 * (3 + 5) * 3 * 5,
    ),
    ((20,), layers.Embedding(100, 6), 20 * 6),
    ((4,), layers.ReLU(), 4),
    ((3, 5), layers.Flatten(), 15),
]


@pytest.mark.parametrize(("shape", "layer", "flops"), LAYERS)
def test_a_layer_by_hand(shape: tuple[int, ...], layer: Any, flops: int) -> None:
    assert cost(model(shape, layer), 32).flops == flops


def test_a_network_as_published() -> None:
    """ResNet50 on 224 pixels: 25.6 million weights, 3.86 billion multiply-adds."""
    network = keras.applications.ResNet50(weights=None)
    inputs = keras.Input((224, 224, 3))
    nested = keras.Model(inputs, network(inputs))
    nested.compile("sgd", "mse")
    found = cost(nested, 1)
    assert found.parameters == 25_636_712
    assert found.flops / 2 == pytest.approx(3.86e9, rel=0.02)


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        (keras.optimizers.SGD(), 0),
        (keras.optimizers.SGD(momentum=0.9), 1),
        (keras.optimizers.Adam(), 2),
        (keras.optimizers.AdamW(), 2),
        (keras.optimizers.Adam(amsgrad=True), 3),
    ],
)
def test_memory_by_hand(optimizer: Any, slots: int) -> None:
    """Weights, gradients, what the optimizer keeps, and a batch's outputs twice."""
    built = model((1000,), layers.Dense(500), layers.Dense(10))
    built.compile(optimizer, "mse")
    weights = 1000 * 500 + 500 + 500 * 10 + 10
    numbers = weights * (2 + slots) + 2 * 64 * (500 + 10)
    assert cost(built, 64).memory_mib == pytest.approx(numbers * 4 / 2**20, rel=1e-3)
    assert built.optimizer.variables == optimizer.variables
    assert len(optimizer.variables) == 2  # it was not built


def test_limits() -> None:
    found = Cost(parameters=1000, flops=1, memory_mib=10.0)
    assert too_large(found, None, None) == too_large(found, 1000, 10.0) == ""
    assert too_large(found, 999, math.inf) == (
        "the model has 1,000 parameters, more than max_model_size=999"
    )
    assert too_large(found, None, 9.0) == (
        "a training step takes about 10 MiB, more than the 9 MiB that there are"
    )
