"""A number from texts."""

from __future__ import annotations

from notebook_automl.tasks._numbers import Regression
from notebook_automl.tasks._texts import Texts


class TextRegression(Regression):
    """A quantity from texts."""

    inputs = Texts()
    example = "functions"
    example_target = "lines"


PLUGIN = TextRegression()
