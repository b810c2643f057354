"""A number from the columns of a table."""

from __future__ import annotations

from notebook_automl.tasks._numbers import Regression
from notebook_automl.tasks._tabular import Table


class TabularRegression(Regression):
    """A quantity from numbers, categories, booleans and texts."""

    inputs = Table()
    example = "diabetes"
    example_target = "progression"


PLUGIN = TabularRegression()
