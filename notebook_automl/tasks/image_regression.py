"""A number from images in an array."""

from __future__ import annotations

from notebook_automl.tasks._images import Images
from notebook_automl.tasks._numbers import Regression


class ImageRegression(Regression):
    """A quantity from images (samples, height, width[, channels])."""

    inputs = Images()
    example = "rotated_digits"
    example_target = None


PLUGIN = ImageRegression()
