"""Classes from texts."""

from __future__ import annotations

from notebook_automl.tasks._classes import Classification
from notebook_automl.tasks._texts import Texts


class TextClassification(Classification):
    """Two or more classes from texts."""

    inputs = Texts()
    example = "docstrings"
    example_target = "package"


PLUGIN = TextClassification()
