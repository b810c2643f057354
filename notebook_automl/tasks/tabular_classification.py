"""Classes from the columns of a table."""

from __future__ import annotations

from notebook_automl.tasks._classes import Classification
from notebook_automl.tasks._tabular import Table


class TabularClassification(Classification):
    """Two or more classes from numbers, categories, booleans and texts."""

    inputs = Table()
    example = "breast_cancer"
    example_target = "diagnosis"


PLUGIN = TabularClassification()
