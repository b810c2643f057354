"""Small data sets to try things with, of what is installed: no network needed."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path
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
# Packages of Python's standard library with many documented functions.
_PACKAGES = ("asyncio", "email", "logging", "multiprocessing", "unittest")
_MOST_DEGREES = 60
# What is told of each function beside its docstring.
_DOCUMENTED = {
    "docstrings": ["package"],
    "functions": ["lines"],
    "habits": ["returns", "raises", "loops"],
}
_DIGITS = ("digits", "digits_and_angles", "rotated_digits")
EXAMPLES = tuple(sorted([*_DIGITS, *_DOCUMENTED, *_TABLES]))


def example(name: str) -> Any:
    """Load a small data set.

    Args:
        name: "digits" (images of classes), "rotated_digits" (images with a quantity),
            "digits_and_angles" (images and a table with classes and a quantity),
            "iris", "wine" or "breast_cancer" (tables with classes), "diabetes" (with
            a quantity), "docstrings" (texts of Python's own library with the package
            of each), "functions" (with the lines of code of each) or "habits" (with
            what each function does: return, raise, loop).

    Returns:
        For "digits" the arrays (x, y) of shapes (1797, 8, 8) and (1797,), for
        "rotated_digits" the angle of each in degrees as y, for "digits_and_angles"
        a dictionary of both inputs and one of both outputs; otherwise a DataFrame whose
        last column is the target: "species", "cultivar", "diagnosis", "progression",
        "package" or "lines"; for "habits" the last three are labels.

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
    if name in _DOCUMENTED:
        return _documented(name)
    if name in _DIGITS:
        return _digits(name)
    from sklearn import datasets

    loader, target = _TABLES[name]
    bunch = getattr(datasets, loader)(as_frame=True)
    labels = bunch.target
    if "target_names" in bunch:
        labels = labels.map(dict(enumerate(map(str, bunch.target_names))))
    names = [_NAMES.get(name, name.replace("_", " ")) for name in bunch.data.columns]
    return bunch.data.set_axis(names, axis=1).assign(**{target: labels})


def _digits(name: str) -> Any:
    """Images of digits, and what is learned of each."""
    from sklearn import datasets

    digits = datasets.load_digits()
    if name == "digits":
        return digits.images, digits.target
    images, angles = _rotated(digits.images)
    if name == "rotated_digits":
        return images, angles
    inputs = {"image": images, "facts": _facts(images)}
    return inputs, {"digit": digits.target, "angle": angles}


def _rotated(images: Any) -> Any:
    """Each image turned by another angle, and the angles in degrees."""
    import numpy as np
    from scipy import ndimage

    draws = np.random.default_rng(0)
    angles = draws.uniform(-_MOST_DEGREES, _MOST_DEGREES, len(images)).round(1)
    turned = [
        ndimage.rotate(image, angle, reshape=False, order=1)
        for image, angle in zip(images, angles, strict=True)
    ]
    return np.array(turned, "float32"), angles


def _facts(images: Any) -> Any:
    """What is told of each image: how much ink, how wide and high, where most of it."""
    import numpy as np
    import pandas as pd

    inked = images > images.max() / 2
    halves = images[:, :4].sum(axis=(1, 2)) - images[:, 4:].sum(axis=(1, 2))
    return pd.DataFrame(
        {
            "ink": images.sum(axis=(1, 2)).round(1),
            "width": inked.any(axis=1).sum(axis=1),
            "height": inked.any(axis=2).sum(axis=1),
            "heavier half": np.where(halves > 0, "upper", "lower"),
        }
    )


def _documented(name: str) -> Any:
    """Docstrings of Python's own library, each once."""
    import pandas as pd

    library = Path(sysconfig.get_path("stdlib"))
    rows = [
        {"docstring": text, "package": package, **told}
        for package in _PACKAGES
        for path in sorted((library / package).glob("*.py"))
        for text, told in _functions(path)
    ]
    table = pd.DataFrame(rows).drop_duplicates("docstring", ignore_index=True)
    return table[["docstring", *_DOCUMENTED[name]]]


def _functions(path: Path) -> Iterator[tuple[str, dict[str, int | bool]]]:
    """The docstring of each function of a module, and what its code is like."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            first = node.body[0]
            if text and node.end_lineno and first.end_lineno:
                parts = list(ast.walk(node))
                yield (
                    text,
                    {
                        "lines": max(node.end_lineno - first.end_lineno, 1),
                        "returns": any(isinstance(p, ast.Return) for p in parts),
                        "raises": any(isinstance(p, ast.Raise) for p in parts),
                        "loops": any(isinstance(p, ast.For | ast.While) for p in parts),
                    },
                )
