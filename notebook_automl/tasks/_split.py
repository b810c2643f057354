"""The code that draws train, validation and test; the one place that does so."""

from __future__ import annotations

from notebook_automl.source.code import Code
from notebook_automl.tasks._task import Split


def split_code(split: Split, labels: str, stratified: bool) -> Code:
    """Code that leaves `train_rows`, `validation_rows` and `test_rows`.

    Args:
        split: Row counts.
        labels: Expression with one value a row.
        stratified: Whether each set has the classes in equal shares; `labels` are then
            their codes.
    """
    shares = ", each class in equal shares" if stratified else ""
    first = f"\n    stratify={labels}," if stratified else ""
    second = f"\n    stratify={labels}[train_rows]," if stratified else ""
    return Code(
        imports=(
            "import numpy as np",
            "from sklearn.model_selection import train_test_split",
        ),
        source=f"""\
# Shuffled{shares}: train, validation, test.
train_rows, test_rows = train_test_split(
    np.arange(len({labels})),
    test_size={split.test_rows},
    random_state=SEED,{first}
)
train_rows, validation_rows = train_test_split(
    train_rows,
    test_size={split.validation_rows},
    random_state=SEED,{second}
)
""",
    )
