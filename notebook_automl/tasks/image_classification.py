"""Classes from images in an array."""

from __future__ import annotations

from notebook_automl.tasks._classes import Classification
from notebook_automl.tasks._images import Images


class ImageClassification(Classification):
    """Two or more classes from images (samples, height, width[, channels])."""

    inputs = Images()
    example = "digits"
    example_target = None


PLUGIN = ImageClassification()
