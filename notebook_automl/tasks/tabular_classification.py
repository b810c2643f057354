"""Classes from the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.tasks import _classes, _metrics, _tabular
from notebook_automl.tasks._task import Metric, Prepared, Space, Split


class TabularClassification:
    """Two or more classes from numbers, categories and booleans."""

    default_metric = "accuracy"
    sources = _tabular.SOURCES

    example = "breast_cancer"
    example_target = "diagnosis"

    def metrics(self, schema: Schema) -> Mapping[str, Metric]:
        return _metrics.of_classes(schema)

    def proposes(self, schema: Schema) -> bool:
        return schema.source in self.sources and _classes.proposes_classes(schema)

    def check(self, schema: Schema) -> None:
        _classes.check_classes(schema)

    def classes(self, schema: Schema) -> int:
        return _classes.class_count(schema)

    def split(self, schema: Schema, split: Split) -> Code:
        labels = "pd.Categorical(frame[TARGET], categories=CLASSES).codes"
        code = _classes.split_code(schema, split, labels)
        return Code((*code.imports, "import pandas as pd"), code.source)

    def prepare(self, schema: Schema) -> Code:
        return _tabular.prepare_code(schema, _classes.targets_code(schema))

    def loss(self, schema: Schema) -> Mapping[str, str]:
        return _classes.loss_arguments(schema)

    def predict(self, schema: Schema) -> Code:
        return _classes.predict_code(schema, "frame.head()")

    def space(self, autokeras: Any, schema: Schema, prepared: Prepared) -> Space:
        inputs, node = _tabular.columns_node(autokeras)
        head = autokeras.ClassificationHead(
            num_classes=self.classes(schema), name="head"
        )
        return Space(inputs, head(node))


PLUGIN = TabularClassification()
