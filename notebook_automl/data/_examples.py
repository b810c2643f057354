"""Small data sets to try things with, shipped with scikit-learn: no network needed."""

from __future__ import annotations

from typing import Any

from notebook_automl.errors import UnknownNameError, nearest, received

# A table's loader in sklearn.datasets, and the name of what is predicted in it.
_TABLES = {
    "breast_cancer": ("load_breast_cancer", "diagnosis"),
    "diabetes": ("load_diabetes", "progression"),
    "iris": ("load_iris", "species"),
    "wine": ("load_wine", "cultivar"),
}
_NAMES = {
    "bmi": "body mass index",
    "bp": "blood pressure",
    "s1": "total cholesterol",
    "s2": "low-density lipoproteins",
    "s3": "high-density lipoproteins",
    "s4": "cholesterol ratio",
    "s5": "log triglycerides",
    "s6": "blood sugar",
}
EXAMPLES = tuple(sorted(["digits", *_TABLES]))


def example(name: str) -> Any:
    """Load a small data set.

    Args:
        name: "digits" (images), "iris", "wine" or "breast_cancer" (classes), or
            "diabetes" (a quantity).

    Returns:
        For "digits" the arrays (x, y) of shapes (1797, 8, 8) and (1797,); otherwise a
        DataFrame whose last column is the target: "species", "cultivar", "diagnosis"
        or "progression".

    Raises:
        UnknownNameError: There is no such data set.
    """
    if name not in EXAMPLES:
        raise UnknownNameError(
            f"Expected the name of an example, {received(name)}."
            f"{nearest(name, EXAMPLES)} Type example(name) with one of: "
            f"{', '.join(EXAMPLES)}.",
            field="data",
        )
    from sklearn import datasets

    if name == "digits":
        digits = datasets.load_digits()
        return digits.images, digits.target
    loader, target = _TABLES[name]
    bunch = getattr(datasets, loader)(as_frame=True)
    labels = bunch.target
    if "target_names" in bunch:
        labels = labels.map(dict(enumerate(map(str, bunch.target_names))))
    names = [_NAMES.get(name, name.replace("_", " ")) for name in bunch.data.columns]
    return bunch.data.set_axis(names, axis=1).assign(**{target: labels})
