"""AutoKeras's initial configurations, the first trials of its own tuners.

Source: `autokeras/tuners/task_specific.py`. The names are those of our blocks; what our
spaces do not ask for is left out: normalisation of columns that the prepare cell has
standardised, and pretrained weights, which need a download. EfficientNet B7 is not
among them, as AutoKeras means it with such weights alone. Texts have a learning rate of
1e-3: with AutoKeras's 2e-5 a set of separable texts stays at chance for twenty epochs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from notebook_automl.record.parameters import Value
from notebook_automl.tasks._limits import limit_of

Configuration = Mapping[str, Value]

TABLE: tuple[Configuration, ...] = (
    {
        "table/dense_block_1/num_layers": 2,
        "table/dense_block_1/use_batchnorm": False,
        "table/dense_block_1/dropout": 0.0,
        "table/dense_block_1/units_0": 32,
        "table/dense_block_1/units_1": 32,
        "head/dropout": 0.0,
        "optimizer": "adam",
        "learning_rate": 1e-3,
    },
)
IMAGE: tuple[Configuration, ...] = (
    {
        "image/block_type": "vanilla",
        "image/normalize": True,
        "image/augment": False,
        "image/conv_block_1/kernel_size": 3,
        "image/conv_block_1/num_blocks": 1,
        "image/conv_block_1/num_layers": 2,
        "image/conv_block_1/max_pooling": True,
        "image/conv_block_1/separable": False,
        "image/conv_block_1/dropout": 0.25,
        "image/conv_block_1/filters_0_0": 32,
        "image/conv_block_1/filters_0_1": 64,
        "head/spatial_reduction_1/reduction_type": "flatten",
        "head/dropout": 0.5,
        "optimizer": "adam",
        "learning_rate": 1e-3,
    },
    {
        "image/block_type": "resnet",
        "image/normalize": True,
        "image/augment": True,
        "image/image_augmentation_1/horizontal_flip": True,
        "image/image_augmentation_1/vertical_flip": True,
        "image/image_augmentation_1/contrast_factor": 0.0,
        "image/image_augmentation_1/rotation_factor": 0.0,
        "image/image_augmentation_1/translation_factor": 0.1,
        "image/res_net_block_1/pretrained": False,
        "image/res_net_block_1/version": "resnet50",
        "image/res_net_block_1/imagenet_size": True,
        "head/spatial_reduction_1/reduction_type": "global_avg",
        "head/dropout": 0.0,
        "optimizer": "adam",
        "learning_rate": 1e-3,
    },
)

TEXT: tuple[Configuration, ...] = (
    {
        "text/block_type": "vanilla",
        "text/embedding_1/embedding_dim": 32,
        "text/embedding_1/dropout": 0.25,
        "text/conv_block_1/kernel_size": 3,
        "text/conv_block_1/separable": False,
        "text/conv_block_1/max_pooling": True,
        "text/conv_block_1/num_blocks": 2,
        "text/conv_block_1/num_layers": 2,
        "text/conv_block_1/filters_0_0": 32,
        "text/conv_block_1/filters_0_1": 32,
        "text/conv_block_1/dropout": 0.0,
        "text/conv_block_1/filters_1_0": 32,
        "text/conv_block_1/filters_1_1": 32,
        "text/spatial_reduction_1/reduction_type": "flatten",
        "text/dense_block_1/use_batchnorm": False,
        "text/dense_block_1/num_layers": 2,
        "text/dense_block_1/units_0": 32,
        "text/dense_block_1/dropout": 0.0,
        "text/dense_block_1/units_1": 32,
        "head/dropout": 0.0,
        "optimizer": "adam_weight_decay",
        "learning_rate": 1e-3,
    },
)


def allowed(
    configurations: Iterable[Configuration], limits: Mapping[str, Any]
) -> list[dict[str, Value]]:
    """The configurations that limits do not exclude.

    Args:
        configurations: Values by path.
        limits: Patterns of paths and what is left of each: a value, a list or a range.
    """
    return [
        dict(configuration)
        for configuration in configurations
        if all(
            (limit := limit_of(limits, path)) is None or _leaves(limit[1], value)
            for path, value in configuration.items()
        )
    ]


def _leaves(left: Any, value: Value) -> bool:
    """Whether a value is among what is left."""
    if isinstance(left, Mapping):
        low, high = left.get("low", value), left.get("high", value)
        return isinstance(value, int | float) and bool(low <= value <= high)
    return value in left if isinstance(left, list | tuple) else bool(value == left)
