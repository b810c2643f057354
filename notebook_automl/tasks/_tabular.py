"""What tabular tasks share: columns as numbers, and AutoKeras's block for them."""

from __future__ import annotations

from typing import Any

from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.tasks import _baselines
from notebook_automl.tasks._initial import TABLE, Configuration
from notebook_automl.tasks._inputs import Node
from notebook_automl.tasks._task import Prepared

SOURCES: tuple[str, ...] = ("frame", "csv", "parquet")
# Rarer categories of a column share one code beyond this many.
_MOST_CATEGORIES = 50

_NUMBERS = """\
# Missing numbers become the median and are marked; then each column is standardised.
scaler = make_pipeline(
    SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
    StandardScaler(),
)


def numbers(rows):
    \"\"\"Numeric columns of raw rows; missing and infinite values as NaN.\"\"\"
    values = rows[NUMERIC].apply(pd.to_numeric).to_numpy("float64", na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)
"""
_CATEGORIES = f"""\
# One column a category; an unknown one counts as the rare ones, if there are any.
encoder = OneHotEncoder(
    handle_unknown="infrequent_if_exist",
    max_categories={_MOST_CATEGORIES},
    sparse_output=False,
)


def categories(rows):
    \"\"\"Categorical columns of raw rows as text.\"\"\"
    return rows[CATEGORICAL].astype("string").fillna("missing").to_numpy(object)
"""


TEXTS = '''\
def texts(rows):
    """Text columns of raw rows, joined to one text a row."""
    return rows[TEXT].astype("string").fillna("").agg(" ".join, axis=1)


'''
_TOPICS = """\
# How much each text uses which words, brought together in a few columns.
topics = make_pipeline(
    HashingVectorizer(
        n_features=2**14, token_pattern=r"\\w+", norm=None, alternate_sign=False
    ),
    TfidfTransformer(sublinear_tf=True),
    TruncatedSVD(n_components=50, random_state=SEED),
    StandardScaler(),
)
"""
# For each role: imports, code, what is learned from the training rows, what is made.
_PARTS = {
    "numeric": (
        (
            "from sklearn.impute import SimpleImputer",
            "from sklearn.pipeline import make_pipeline",
            "from sklearn.preprocessing import StandardScaler",
        ),
        _NUMBERS,
        "scaler.fit(numbers(frame.iloc[train_rows]))",
        "scaler.transform(numbers(rows))",
    ),
    "categorical": (
        ("from sklearn.preprocessing import OneHotEncoder",),
        _CATEGORIES,
        "encoder.fit(categories(frame.iloc[train_rows]))",
        "encoder.transform(categories(rows))",
    ),
    "text": (
        (
            "from sklearn.decomposition import TruncatedSVD",
            "from sklearn.feature_extraction.text import HashingVectorizer",
            "from sklearn.feature_extraction.text import TfidfTransformer",
            "from sklearn.pipeline import make_pipeline",
            "from sklearn.preprocessing import StandardScaler",
        ),
        _TOPICS + "\n\n" + TEXTS,
        "topics.fit(texts(frame.iloc[train_rows]))",
        "topics.transform(texts(rows))",
    ),
}


def is_all_text(schema: Schema) -> bool:
    """Whether all that can be learned from is free text."""
    return {column.role for column in schema.columns} <= {"text", "dropped"}


class Table:
    """Columns of numbers, categories, booleans and texts."""

    sources = SOURCES
    features = _baselines.TABLE

    def fits(self, schema: Schema) -> bool:
        return schema.source in self.sources and not is_all_text(schema)

    def check(self, schema: Schema) -> None:
        """The source has checked all that there is to check."""

    def prepare(self, schema: Schema, targets: Code) -> Code:
        roles = {column.role for column in schema.columns}
        parts = [part for role, part in _PARTS.items() if role in roles]
        lines, blocks, fits, made = zip(*parts, strict=True)
        arrays = made[0] if len(made) == 1 else f"np.hstack([{', '.join(made)}])"
        prepare = f"""\
def prepare(rows):
    \"\"\"Raw rows as one float32 array (rows, columns).\"\"\"
    return {arrays}.astype("float32")
"""
        sets = """\
x_train = prepare(frame.iloc[train_rows])
x_validation = prepare(frame.iloc[validation_rows])
x_test = prepare(frame.iloc[test_rows])
"""
        imports = ["import numpy as np", "import pandas as pd", *targets.imports]
        return Code(
            imports=(*imports, *(line for part in lines for line in part)),
            source="\n\n".join(
                [*blocks, prepare, "\n".join([*fits, sets + targets.source])]
            ),
        )

    def initial(self, accelerated: bool) -> tuple[Configuration, ...]:
        return TABLE

    def space(
        self, autokeras: Any, schema: Schema, prepared: Prepared, name: str = ""
    ) -> Node:
        """AutoKeras's input and block for prepared columns.

        The prepare cell has encoded and standardised them, so that the block neither
        encodes nor normalises again.
        """
        called = f"{name}_input" if name else "columns"
        inputs = autokeras.StructuredDataInput(name=called)
        block = autokeras.StructuredDataBlock(normalize=False, name=name or "table")
        return Node(inputs, block(inputs), {})
