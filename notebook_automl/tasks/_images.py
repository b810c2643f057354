"""Images in an array, and AutoKeras's block for them."""

from __future__ import annotations

from typing import Any

from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.tasks import _baselines
from notebook_automl.tasks._initial import IMAGE, Configuration
from notebook_automl.tasks._inputs import Node, under
from notebook_automl.tasks._task import Limits, Prepared

# AutoKeras's widest layers and largest kernels take seconds a step on one core.
_CPU_LIMITS: Limits = {
    "image/block_type": ("vanilla",),
    "image/*/kernel_size": (3, 5),
    "image/*/filters_*": (16, 32, 64, 128),
}
_LIMITS: Limits = {
    # AutoKeras 3.0 asks for it and never uses it.
    "image/*/zoom_factor": (0.0,),
    # ImageNet weights need a download.
    "image/*/pretrained": (False,),
}


class Images:
    """Images (samples, height, width[, channels])."""

    sources: tuple[str, ...] = ("arrays", "npz")
    features = _baselines.IMAGES

    def fits(self, schema: Schema) -> bool:
        return schema.source in self.sources

    def check(self, schema: Schema) -> None:
        """The source has checked all that there is to check."""

    def prepare(self, schema: Schema, targets: Code) -> Code:
        grey = len(schema.shape or ()) == 2
        channel = "[..., None]" if grey else ""
        axes = (
            "samples, height, width, 1" if grey else "samples, height, width, channels"
        )
        return Code(
            imports=("import numpy as np", *targets.imports),
            source=f'''\
def prepare(images):
    """Raw images as float32 ({axes})."""
    return np.asarray(images, "float32"){channel}


x_train = prepare(x[train_rows])
x_validation = prepare(x[validation_rows])
x_test = prepare(x[test_rows])
{targets.source}''',
        )

    def initial(self, accelerated: bool) -> tuple[Configuration, ...]:
        return IMAGE if accelerated else IMAGE[:1]

    def space(
        self, autokeras: Any, schema: Schema, prepared: Prepared, name: str = ""
    ) -> Node:
        inputs = autokeras.ImageInput(name=f"{name}_input" if name else "images")
        node = autokeras.ImageBlock(name=name or "image")(inputs)
        limits = _LIMITS if prepared.accelerated else {**_LIMITS, **_CPU_LIMITS}
        return Node(inputs, node, under(name, limits, "image"))
