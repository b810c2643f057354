"""The metrics of classes and of numbers, as Keras computes them.

Keras has none that counts all pairs of true and predicted class, and a quantity's
targets are centred before they are learned: what needs either brings a class along.
"""

from __future__ import annotations

from collections.abc import Mapping

from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.tasks._task import Metric

_COUNTS = '''\
class ClassCounts(keras.metrics.Metric):
    """Counts rows by true and predicted class."""

    def __init__(self, classes, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.classes = classes
        shape = (classes, classes)
        self.counts = self.add_variable(shape, "zeros", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        true, predicted = self._one_hot(y_true), self._one_hot(y_pred)
        if sample_weight is not None:
            true = true * ops.cast(ops.reshape(sample_weight, (-1, 1)), true.dtype)
        self.counts.assign_add(ops.matmul(ops.transpose(true), predicted))

    def _one_hot(self, y):
        if self.classes == 2:
            codes = ops.cast(ops.reshape(y, (-1,)) > 0.5, "int32")
        else:
            codes = ops.argmax(y, axis=-1)
        return ops.one_hot(codes, self.classes, dtype="float32")

    def get_config(self):
        return {"classes": self.classes, "name": self.name}
'''
_OF_COUNTS = {
    "BalancedAccuracy": '''\
    """Mean over the classes of what share of each is found."""

    def result(self):
        rows = ops.sum(self.counts, axis=1)
        found = ops.diagonal(self.counts) / ops.maximum(rows, 1e-7)
        return ops.sum(found) / ops.sum(ops.cast(rows > 0, "float32"))
''',
    "MacroPrecision": '''\
    """Mean over the classes of what share of its predictions is right."""

    def result(self):
        predicted = ops.sum(self.counts, axis=0)
        return ops.mean(ops.diagonal(self.counts) / ops.maximum(predicted, 1e-7))
''',
    "MacroRecall": '''\
    """Mean over all classes of what share of each is found."""

    def result(self):
        rows = ops.sum(self.counts, axis=1)
        return ops.mean(ops.diagonal(self.counts) / ops.maximum(rows, 1e-7))
''',
    "CohenKappa": '''\
    """Agreement of labels and predictions beyond chance (Cohen 1960)."""

    def result(self):
        rows, predicted = ops.sum(self.counts, axis=1), ops.sum(self.counts, axis=0)
        total = ops.sum(rows)
        chance = ops.sum(rows * predicted) / total
        right = ops.sum(ops.diagonal(self.counts))
        return (right - chance) / ops.maximum(total - chance, 1e-7)
''',
    "MatthewsCorrelation": '''\
    """Correlation of labels and predictions (Matthews 1975, Gorodkin 2004)."""

    def result(self):
        rows, predicted = ops.sum(self.counts, axis=1), ops.sum(self.counts, axis=0)
        total, right = ops.sum(rows), ops.sum(ops.diagonal(self.counts))
        together = right * total - ops.sum(rows * predicted)
        spread = total**2 - ops.sum(predicted**2), total**2 - ops.sum(rows**2)
        return together / ops.maximum(ops.sqrt(spread[0]) * ops.sqrt(spread[1]), 1e-7)
''',
}
_IN_TARGET_UNIT = '''\
@keras.saving.register_keras_serializable()
class InTargetUnit(keras.metrics.Mean):
    """A loss of targets as they came: the model learns differences from the mean."""

    def __init__(self, loss, target_mean, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.loss, self.target_mean = loss, target_mean

    def update_state(self, y_true, y_pred, sample_weight=None):
        loss = keras.losses.get(self.loss)
        values = loss(y_true + self.target_mean, y_pred + self.target_mean)
        return super().update_state(values, sample_weight)

    def get_config(self):
        return {"loss": self.loss, "target_mean": self.target_mean, "name": self.name}
'''


def of_classes(schema: Schema) -> dict[str, Metric]:
    """The usual metrics of classes, the most usual first.

    Args:
        schema: The data; how many classes there are decides what is computed.
    """
    classes = len(schema.target.classes or ())
    binary = classes <= 2
    threshold = ", threshold=0.5" if binary else ""
    # By its class: for "accuracy" Keras makes it in the first step, which it then
    # traces again.
    accuracy = "BinaryAccuracy" if binary else "CategoricalAccuracy"
    metrics = {
        "accuracy": Metric(f'keras.metrics.{accuracy}(name="accuracy")', "max"),
        "balanced_accuracy": _counted("BalancedAccuracy", classes, "balanced_accuracy"),
        "auc": Metric('keras.metrics.AUC(name="auc")', "max"),
        "pr_auc": Metric('keras.metrics.AUC(curve="PR", name="pr_auc")', "max"),
        "f1": Metric(f'keras.metrics.F1Score("macro"{threshold}, name="f1")', "max"),
        "f1_weighted": Metric(
            f'keras.metrics.F1Score("weighted"{threshold}, name="f1_weighted")', "max"
        ),
    }
    if binary:
        metrics |= {
            "precision": Metric('keras.metrics.Precision(name="precision")', "max"),
            "recall": Metric('keras.metrics.Recall(name="recall")', "max"),
        }
    else:
        metrics |= {
            "precision": _counted("MacroPrecision", classes, "precision"),
            "recall": _counted("MacroRecall", classes, "recall"),
        }
    metrics |= {
        "mcc": _counted("MatthewsCorrelation", classes, "mcc"),
        "kappa": _counted("CohenKappa", classes, "kappa"),
    }
    for most in (3, 5):
        if classes > most:
            name = f"top{most}_accuracy"
            code = f'keras.metrics.TopKCategoricalAccuracy({most}, name="{name}")'
            metrics[name] = Metric(code, "max")
    return metrics | {"loss": Metric("", "min")}


def of_labels(schema: Schema) -> dict[str, Metric]:
    """The usual metrics of several labels at once, the most usual first.

    Args:
        schema: The data.
    """
    f1 = 'keras.metrics.F1Score("{}", threshold=0.5, name="{}")'
    return {
        "accuracy": Metric('keras.metrics.BinaryAccuracy(name="accuracy")', "max"),
        "f1": Metric(f1.format("macro", "f1"), "max"),
        "f1_micro": Metric(f1.format("micro", "f1_micro"), "max"),
        "f1_weighted": Metric(f1.format("weighted", "f1_weighted"), "max"),
        "auc": Metric('keras.metrics.AUC(multi_label=True, name="auc")', "max"),
        "pr_auc": Metric(
            'keras.metrics.AUC(curve="PR", multi_label=True, name="pr_auc")', "max"
        ),
        "precision": Metric('keras.metrics.Precision(name="precision")', "max"),
        "recall": Metric('keras.metrics.Recall(name="recall")', "max"),
        "loss": Metric("", "min"),
    }


def of_numbers(schema: Schema) -> dict[str, Metric]:
    """The usual metrics of a quantity whose targets are centred, in its own unit.

    Args:
        schema: The data.
    """
    return {
        "rmse": Metric('keras.metrics.RootMeanSquaredError(name="rmse")', "min"),
        "mae": Metric('keras.metrics.MeanAbsoluteError(name="mae")', "min"),
        "mse": Metric('keras.metrics.MeanSquaredError(name="mse")', "min"),
        "r2": Metric('keras.metrics.R2Score(name="r2")', "max"),
        "mape": in_target_unit("mean_absolute_percentage_error", "mape"),
        "msle": in_target_unit("mean_squared_logarithmic_error", "msle"),
        "log_cosh": Metric('keras.metrics.LogCoshError(name="log_cosh")', "min"),
        "loss": Metric("", "min"),
    }


def definitions(metrics: Mapping[str, Metric]) -> Code:
    """What metrics bring along, each piece once.

    Args:
        metrics: Those of a program, by name.

    Returns:
        Code for a cell of its own; empty if Keras has them all.
    """
    found = [code for metric in metrics.values() for code in metric.defined]
    pieces = {code.source: code for code in found}
    imports = dict.fromkeys(line for code in pieces.values() for line in code.imports)
    return Code(tuple(imports), "\n\n".join(pieces))


def _counted(kind: str, classes: int, name: str) -> Metric:
    """A metric that follows from the counts of true and predicted classes."""
    body = _OF_COUNTS[kind]
    head = f"@keras.saving.register_keras_serializable()\nclass {kind}(ClassCounts):\n"
    imports = ("import keras", "from keras import ops")
    parts = Code(imports, _COUNTS), Code(imports, head + body)
    return Metric(f'{kind}({max(classes, 2)}, name="{name}")', "max", parts)


def in_target_unit(loss: str, name: str) -> Metric:
    """A loss that is another one for centred targets.

    Args:
        loss: Keras's name of it.
        name: The name that its values have.
    """
    code = f'InTargetUnit("{loss}", TARGET_MEAN, name="{name}")'
    return Metric(code, "min", (Code(("import keras",), _IN_TARGET_UNIT),))
