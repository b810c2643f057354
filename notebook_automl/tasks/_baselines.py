"""Baselines that tasks share: simple models over what the prepare cell leaves.

They are scikit-learn's. Of several outputs each has an estimator of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal
from notebook_automl.source.renaming import of_part
from notebook_automl.tasks._task import Baseline, Prepared

_FEWEST_ROWS = 1000
# What a row takes beside its values, in values.
_A_ROW = 16
_INPUT = Code(
    ("from sklearn.base import BaseEstimator, TransformerMixin",),
    '''\
class Input(TransformerMixin, BaseEstimator):
    """Takes one of several inputs."""

    def __init__(self, name):
        self.name = name

    def fit(self, x, y=None):
        return self

    def transform(self, x):
        return x[self.name]


''',
)


@dataclass(frozen=True)
class Features:
    """How prepared samples of one input become the rows of numbers that models take.

    Args:
        steps: Transformers one after the other, as source.
        code: What they need: imports, and functions.
        name: What a linear model behind them is called.
        boosted: Whether gradient boosting makes sense of them.
    """

    steps: tuple[str, ...] = ()
    code: Code = field(default_factory=Code)
    name: str = "linear"
    boosted: bool = False


@dataclass(frozen=True)
class Output:
    """How simple models learn one output, and give what a trial's model gives for it.

    Args:
        kind: What scikit-learn's names of such models end with.
        least: What the least is called that a model must beat.
        linear: A linear model as source.
        labels: Expression for what they learn; `{0}` stands for prepared labels.
        doc: What a function that gives it is said to give.
        given: Statements of that function; `{0}` stands for the estimator.
        each: Whether there is a model of each column.
    """

    kind: str
    least: str
    linear: str
    labels: str
    doc: str
    given: str
    each: bool = False


TABLE = Features(boosted=True)
IMAGES = Features(
    ("FunctionTransformer(flat)", "StandardScaler()"),
    Code(
        ("from sklearn.preprocessing import FunctionTransformer, StandardScaler",),
        '''\
def flat(samples):
    """Each sample as one row of numbers."""
    return samples.reshape(len(samples), -1)


''',
    ),
)
TEXTS = Features(
    ("TfidfVectorizer(analyzer=codes_of_words, sublinear_tf=True)",),
    Code(
        ("from sklearn.feature_extraction.text import TfidfVectorizer",),
        '''\
def codes_of_words(codes):
    """The words of one text; 0 pads it."""
    return codes[codes > 0]


''',
    ),
    name="tfidf",
)

NUMBERS = Output(
    kind="Regressor",
    least="mean",
    linear="Ridge()",
    labels="{0}[:, 0]",
    doc="Predictions for prepared rows, as a trial's model gives them.",
    given='return {0}.predict(x).reshape(-1, 1).astype("float32")',
)
LABELS = Output(
    kind="Classifier",
    least="majority",
    linear="LogisticRegression(max_iter=200)",
    labels="{0}",
    doc="Probability of each label for prepared rows, as a trial's model gives it.",
    # A label that no row has, or each, has one column.
    given="""\
pairs = zip({0}.predict_proba(x), {0}.classes_, strict=True)
    each = [chances @ values for chances, values in pairs]
    return np.stack(each, axis=1).astype("float32")""",
    each=True,
)


def classes(count: int) -> Output:
    """One of several classes.

    Args:
        count: How many numbers a trial's model gives: 1 for two classes.
    """
    if count == 1:
        labels, doc = "{0}[:, 0]", "Probability of the second class"
        given = """\
second = {0}.predict_proba(x) @ {0}.classes_
    return second[:, None].astype("float32")"""
    else:
        labels, doc = "{0}.argmax(axis=1)", "Probability of each class"
        # A class may have no row among those that are learned from.
        given = f"""\
known = {{0}}.predict_proba(x)
    every = np.zeros((len(known), {count}), "float32")
    every[:, {{0}}.classes_] = known
    return every"""
    return Output(
        kind="Classifier",
        least="majority",
        linear="LogisticRegression(max_iter=200)",
        labels=labels,
        doc=f"{doc} for prepared rows, as a trial's model gives it.",
        given=given,
    )


def simple(
    prepared: Prepared,
    features: Mapping[str, Features],
    outputs: Mapping[str, Output],
    most: int,
) -> Mapping[str, Baseline]:
    """The least that a model must beat, a linear model, and boosted trees of tables.

    Args:
        prepared: What is known of the prepared arrays.
        features: How samples become rows of numbers, by the input's name in code; ""
            for the only one.
        outputs: What is learned, likewise.
        most: How many numbers each may learn from, once for each that it gives.
    """
    made = _Made(prepared, features, outputs, most)
    kinds = {output.least for output in outputs.values()}
    least = kinds.pop() if len(kinds) == 1 else "constant"
    linear = next(iter(features.values())).name if len(features) == 1 else "linear"
    found = {least: made.constant(), linear: made.linear()}
    if all(each.boosted for each in features.values()):
        found["boosting"] = made.boosting()
    return found


@dataclass(frozen=True)
class _Made:
    """Makes baselines.

    Args:
        prepared: What is known of the prepared arrays.
        features: As those of `simple`.
        outputs: Likewise.
        most: Likewise.
    """

    prepared: Prepared
    features: Mapping[str, Features]
    outputs: Mapping[str, Output]
    most: int

    def constant(self) -> Baseline:
        """What looks at no number of its samples, only at how many there are."""
        models, imports = {}, []
        for name, output in self.outputs.items():
            models[name] = f"Dummy{output.kind}()"
            imports.append(f"from sklearn.dummy import Dummy{output.kind}")
        first = next(iter(self.features))
        steps = Features((_input(first),), _INPUT) if first else Features()
        return self._baseline(steps, models, imports, self.prepared.rows)

    def linear(self) -> Baseline:
        """Linear models of all features."""
        models, imports = {}, []
        for name, output in self.outputs.items():
            models[name] = output.linear
            model = output.linear.partition("(")[0]
            imports.append(f"from sklearn.linear_model import {model}")
        return self._learned(_together(self.features), models, imports)

    def boosting(self) -> Baseline:
        """Boosted trees of tables."""
        models, imports = {}, []
        for name, output in self.outputs.items():
            model = f"HistGradientBoosting{output.kind}"
            models[name] = f"{model}(random_state=SEED)"
            imports.append(f"from sklearn.ensemble import {model}")
        return self._learned(_together(self.features), models, imports)

    def _learned(
        self, features: Features, models: Mapping[str, str], imports: list[str]
    ) -> Baseline:
        """From so many rows that it takes seconds."""
        models, imports = dict(models), list(imports)
        for name, output in self.outputs.items():
            if output.each:
                models[name] = f"MultiOutputClassifier({models[name]})"
                imports.append("from sklearn.multioutput import MultiOutputClassifier")
        prepared = self.prepared
        values = _A_ROW + sum(map(prod, prepared.x_shapes.values()))
        work = values * sum(map(prod, prepared.y_shapes.values()))
        rows = max(_FEWEST_ROWS, self.most // work)
        return self._baseline(features, models, imports, min(prepared.rows, rows))

    def _baseline(
        self,
        features: Features,
        models: Mapping[str, str],
        imports: list[str],
        rows: int,
    ) -> Baseline:
        estimators = [
            f"{of_part('estimator', name)} = {_pipeline([*features.steps, model])}\n"
            for name, model in models.items()
        ]
        if features.steps:
            imports = [*imports, "from sklearn.pipeline import make_pipeline"]
        source = "".join(
            [features.code.source, *estimators, "\n\n", *self._functions()]
        )
        every, note, comment = self.prepared.rows, "", ""
        # Rows may be in an order, so that the first of them are not like the others.
        step = -(-every // rows)
        if step > 1:
            some = -(-every // step)
            note = f"learned from {some:,} of {every:,} rows, to take seconds"
            comment = "# From some of the rows, so that it takes seconds.\n"
        lines = imports + ["import numpy as np"] * ("np." in source)
        build = Code((*lines, *features.code.imports), source)
        return Baseline(build, comment + self._fit(step), note)

    def _fit(self, step: int) -> str:
        """Statements that let each estimator learn, from each row of so many."""
        some = f"[::{step}]" if step > 1 else ""
        x = f"x_train{some}"
        if some and "" not in self.features:
            x = f"{{name: rows{some} for name, rows in x_train.items()}}"
        lines = []
        for name, output in self.outputs.items():
            of_output = f"[{literal(name)}]" if name else ""
            y = output.labels.format(f"y_train{of_output}{some}")
            lines.append(f"{of_part('estimator', name)}.fit({x}, {y})\n")
        return "".join(lines)

    def _functions(self) -> Iterator[str]:
        """The function `outputs`, behind one of each output if there are several."""
        for name, output in self.outputs.items():
            yield f'''\
def {of_part("outputs", name)}(x):
    """{output.doc}"""
    {output.given.format(of_part("estimator", name))}


'''
        if "" not in self.outputs:
            each = [f"{literal(n)}: {of_part('outputs', n)}(x)" for n in self.outputs]
            yield f'''\
def outputs(x):
    """What a trial's model gives for prepared rows, by the outputs' names."""
    return {{{", ".join(each)}}}
'''


def _together(features: Mapping[str, Features]) -> Features:
    """Those of all inputs, side by side."""
    if "" in features:
        return features[""]
    # Two of one kind share what they need.
    codes = [_INPUT, *dict.fromkeys(each.code for each in features.values())]
    imports = [line for code in codes for line in code.imports]
    imports.append("from sklearn.pipeline import make_pipeline, make_union")
    sides = [_pipeline([_input(name), *each.steps]) for name, each in features.items()]
    step = sides[0] if len(sides) == 1 else f"make_union({', '.join(sides)})"
    return Features((step,), Code(tuple(imports), "".join(c.source for c in codes)))


def _input(name: str) -> str:
    """A step that takes one of several inputs."""
    return f"Input({literal(name)})"


def _pipeline(steps: list[str]) -> str:
    return f"make_pipeline({', '.join(steps)})" if len(steps) > 1 else steps[0]
