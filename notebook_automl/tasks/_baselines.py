"""Baselines that tasks share: simple models over what the prepare cell leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

from notebook_automl.source.code import Code
from notebook_automl.tasks._task import Baseline, Prepared

# Values times outputs that a baseline learns from at the most: a few seconds of a core.
_MOST_WORK = 20_000_000
_FEWEST_ROWS = 1000

_PROBABILITIES = '''\
def outputs(x):
    """Probability of each class for prepared rows, as a trial's model gives it."""
    found = np.zeros((len(x), y_train.shape[1]), "float32")
    found[:, estimator.classes_] = estimator.predict_proba({x})
    return found
'''
_PROBABILITY = '''\
def outputs(x):
    """Probability of the second class, as a trial's model gives it."""
    return estimator.predict_proba({x})[:, 1:].astype("float32")
'''
_NUMBERS = '''\
def outputs(x):
    """Predictions for prepared rows, as a trial's model gives them."""
    return estimator.predict({x}).reshape(len(x), -1).astype("float32")
'''


_LABELS = '''\
def outputs(x):
    """Probability of each label for prepared rows, as a trial's model gives it."""
    columns = [each[:, 1] for each in estimator.predict_proba({x})]
    return np.stack(columns, axis=1).astype("float32")
'''


@dataclass(frozen=True)
class Features:
    """How prepared samples become the rows of numbers that simple models take.

    Args:
        name: What the linear model is called.
        call: Expression for the rows of numbers; `{}` stands for prepared samples.
        define: Code that this expression needs.
        step: A step before the linear model, as source with its import; or nothing.
        boosted: Whether gradient boosting makes sense of them.
    """

    name: str = "linear"
    call: str = "{}"
    define: Code = field(default_factory=Code)
    step: tuple[str, str] | None = None
    boosted: bool = False


TABLE = Features(boosted=True)
_SCALER = "from sklearn.preprocessing import StandardScaler"
IMAGES = Features(call="{0}.reshape(len({0}), -1)", step=(_SCALER, "StandardScaler()"))
_TFIDF = "from sklearn.feature_extraction.text import TfidfTransformer"
TEXTS = Features(
    name="tfidf",
    call="words_in({})",
    define=Code(
        ("from scipy.sparse import csr_matrix",),
        '''\
def words_in(x):
    """How often each word occurs in each text, as a sparse matrix."""
    rows, places = np.nonzero(x)
    ones = np.ones(len(rows))
    return csr_matrix((ones, (rows, x[rows, places])), shape=(len(x), CODES))


''',
    ),
    step=(_TFIDF, "TfidfTransformer(sublinear_tf=True)"),
)


def of_classes(prepared: Prepared, features: Features) -> Mapping[str, Baseline]:
    """The most frequent class, a linear model, and boosted trees.

    Args:
        prepared: What is known of the prepared arrays.
        features: How samples become rows of numbers.
    """
    binary = prepared.y_shape == (1,)
    labels = "y_train{rows}[:, 0]" if binary else "y_train{rows}.argmax(axis=1)"
    made = _Made(prepared, features, labels, _PROBABILITY if binary else _PROBABILITIES)
    linear = made.linear("LogisticRegression", "max_iter=200")
    return made.usual("Classifier", "majority", linear)


def of_labels(prepared: Prepared, features: Features) -> Mapping[str, Baseline]:
    """What is more frequent of each label, a linear model of each, and boosted trees.

    Args:
        prepared: What is known of the prepared arrays.
        features: How samples become rows of numbers.
    """
    made = _Made(prepared, features, "y_train{rows}", _LABELS, several=True)
    linear = made.linear("LogisticRegression", "max_iter=200")
    return made.usual("Classifier", "majority", linear)


def of_numbers(prepared: Prepared, features: Features) -> Mapping[str, Baseline]:
    """The mean, a linear model, and boosted trees.

    Args:
        prepared: What is known of the prepared arrays.
        features: How samples become rows of numbers.
    """
    made = _Made(prepared, features, "y_train{rows}[:, 0]", _NUMBERS)
    return made.usual("Regressor", "mean", made.linear("Ridge", ""))


@dataclass(frozen=True)
class _Made:
    """Makes baselines of one target.

    Args:
        prepared: What is known of the prepared arrays.
        features: How samples become rows of numbers.
        labels: Expression for the training labels.
        outputs: Source of the function `outputs`.
        several: Whether there is a model of each label.
    """

    prepared: Prepared
    features: Features
    labels: str
    outputs: str
    several: bool = False

    def usual(self, kind: str, least: str, linear: Baseline) -> Mapping[str, Baseline]:
        """The least that a model must beat, a linear model, and boosted trees."""
        found = {least: self.dummy(f"Dummy{kind}"), self.features.name: linear}
        if self.features.boosted:
            found["boosting"] = self.boosting(f"HistGradientBoosting{kind}")
        return found

    def dummy(self, name: str) -> Baseline:
        build = Code((f"from sklearn.dummy import {name}",), f"estimator = {name}()")
        return self._baseline(build, "{0}.reshape(len({0}), -1)", self.prepared.rows)

    def linear(self, name: str, options: str) -> Baseline:
        line = f"from sklearn.linear_model import {name}"
        imports, model = self._each([line], f"{name}({options})")
        if self.features.step is not None:
            line, step = self.features.step
            imports += [line, "from sklearn.pipeline import make_pipeline"]
            model = f"make_pipeline({step}, {model})"
        define = self.features.define
        source = f"{define.source}estimator = {model}"
        return self._learned(Code((*imports, *define.imports), source))

    def boosting(self, name: str) -> Baseline:
        line = f"from sklearn.ensemble import {name}"
        imports, model = self._each([line], f"{name}(random_state=SEED)")
        return self._learned(Code(tuple(imports), f"estimator = {model}"))

    def _each(self, imports: list[str], model: str) -> tuple[list[str], str]:
        """One of each label, where there are several."""
        if not self.several:
            return imports, model
        line = "from sklearn.multioutput import MultiOutputClassifier"
        return [*imports, line], f"MultiOutputClassifier({model})"

    def _learned(self, build: Code) -> Baseline:
        """From so many rows that it takes seconds."""
        prepared = self.prepared
        work = prod(prepared.x_shape) * prod(prepared.y_shape)
        rows = max(_FEWEST_ROWS, _MOST_WORK // max(1, work))
        return self._baseline(build, self.features.call, min(prepared.rows, rows))

    def _baseline(self, build: Code, call: str, rows: int) -> Baseline:
        some, note, comment, every = "", "", "", self.prepared.rows
        if rows < every:
            some = f"[:{rows}]"
            note = f"learned from {rows:,} of {every:,} rows, to take seconds"
            comment = f"# From some of the {every} rows, so that it takes seconds.\n"
        x, y = call.format(f"x_train{some}"), self.labels.format(rows=some)
        outputs = self.outputs.format(x=call.format("x"))
        source = f"{comment}estimator.fit({x}, {y})\n\n\n{outputs}"
        return Baseline(build, Code(("import numpy as np",), source), note)
