"""Classes from images in an array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.tasks import _classes, _metrics
from notebook_automl.tasks._task import Metric, Prepared, Space, Split

# AutoKeras's widest layers and largest kernels take seconds a step on one core.
_CPU_LIMITS: dict[str, tuple[Any, ...]] = {
    "image/block_type": ("vanilla",),
    "image/*/kernel_size": (3, 5),
    "image/*/filters_*": (16, 32, 64, 128),
}
_LIMITS: dict[str, tuple[Any, ...]] = {
    # AutoKeras 3.0 asks for it and never uses it.
    "image/*/zoom_factor": (0.0,),
    # ImageNet weights need a download.
    "image/*/pretrained": (False,),
}


class ImageClassification:
    """Two or more classes from images (samples, height, width[, channels])."""

    default_metric = "accuracy"
    sources: tuple[str, ...] = ("arrays",)

    example = "digits"
    example_target = None

    def metrics(self, schema: Schema) -> Mapping[str, Metric]:
        return _metrics.of_classes(schema)

    def classes(self, schema: Schema) -> int:
        return _classes.class_count(schema)

    def proposes(self, schema: Schema) -> bool:
        return schema.source in self.sources

    def check(self, schema: Schema) -> None:
        _classes.check_classes(schema)

    def split(self, schema: Schema, split: Split) -> Code:
        # Without its dtype, a list with numbers beyond int64 becomes one of floats.
        large = schema.target.dtype == "uint64"
        classes = "np.array(CLASSES, y.dtype)" if large else "CLASSES"
        return _classes.split_code(schema, split, f"np.searchsorted({classes}, y)")

    def prepare(self, schema: Schema) -> Code:
        grey = len(schema.shape or ()) == 2
        channel = "[..., None]" if grey else ""
        axes = (
            "samples, height, width, 1" if grey else "samples, height, width, channels"
        )
        return Code(
            imports=("import numpy as np",),
            source=f'''\
def prepare(images):
    """Raw images as float32 ({axes})."""
    return np.asarray(images, "float32"){channel}


x_train = prepare(x[train_rows])
x_validation = prepare(x[validation_rows])
x_test = prepare(x[test_rows])
{_classes.targets_code(schema)}''',
        )

    def loss(self, schema: Schema) -> Mapping[str, str]:
        return _classes.loss_arguments(schema)

    def predict(self, schema: Schema) -> Code:
        return _classes.predict_code(schema, "x[:5]")

    def space(self, autokeras: Any, schema: Schema, prepared: Prepared) -> Space:
        inputs = autokeras.ImageInput(name="images")
        node = autokeras.ImageBlock(name="image")(inputs)
        head = autokeras.ClassificationHead(
            num_classes=self.classes(schema), name="head"
        )
        limits = _LIMITS if prepared.accelerated else _LIMITS | _CPU_LIMITS
        return Space(inputs, head(node), limits)


PLUGIN = ImageClassification()
