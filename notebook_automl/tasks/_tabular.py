"""What tabular tasks share: columns as numbers, and AutoKeras's block for them."""

from __future__ import annotations

from typing import Any

from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code

SOURCES = ("frame",)
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


def prepare_code(schema: Schema, targets: str) -> Code:
    """Code that leaves the arrays of the three sets, and `prepare(rows)`.

    Args:
        schema: The data.
        targets: Statements that leave the three sets of labels.
    """
    roles = {column.role for column in schema.columns}
    imports = ["import numpy as np", "import pandas as pd"]
    blocks, fits, made = [], [], []
    if "numeric" in roles:
        imports += [
            "from sklearn.impute import SimpleImputer",
            "from sklearn.pipeline import make_pipeline",
            "from sklearn.preprocessing import StandardScaler",
        ]
        blocks.append(_NUMBERS)
        fits.append("scaler.fit(numbers(frame.iloc[train_rows]))")
        made.append("scaler.transform(numbers(rows))")
    if "categorical" in roles:
        imports.append("from sklearn.preprocessing import OneHotEncoder")
        blocks.append(_CATEGORIES)
        fits.append("encoder.fit(categories(frame.iloc[train_rows]))")
        made.append("encoder.transform(categories(rows))")
    arrays = made[0] if len(made) == 1 else f"np.hstack([{', '.join(made)}])"
    blocks.append(f"""\
def prepare(rows):
    \"\"\"Raw rows as one float32 array (rows, columns).\"\"\"
    return {arrays}.astype("float32")
""")
    sets = """\
x_train = prepare(frame.iloc[train_rows])
x_validation = prepare(frame.iloc[validation_rows])
x_test = prepare(frame.iloc[test_rows])
"""
    source = "\n\n".join([*blocks, "\n".join([*fits, sets + targets])])
    return Code(imports=tuple(imports), source=source)


def columns_node(autokeras: Any) -> tuple[Any, Any]:
    """AutoKeras's input and block for prepared columns.

    The prepare cell has encoded and standardised them, so that the block neither
    encodes nor normalises again.
    """
    inputs = autokeras.StructuredDataInput(name="columns")
    block = autokeras.StructuredDataBlock(normalize=False, name="table")
    return inputs, block(inputs)
