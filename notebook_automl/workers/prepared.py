"""The outcome of the cells that trials share: computed once, kept on disk, mapped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebook_automl.record.files import read_json, write_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.source.code import Code
from notebook_automl.source.program import SHARED
from notebook_automl.tasks._task import Prepared

_ARRAYS = tuple(f"{a}_{s}" for a in "xy" for s in ("train", "validation", "test"))
_WEIGHTS = ("sample_weight_train",)
_CONSTANTS = "constants.json"


@dataclass(frozen=True)
class Kept:
    """Arrays and constants that the prepare cell left.

    Args:
        arrays: `x_train`, `y_train` and so on, mapped into memory.
        constants: Numbers in capitals, such as `TARGET_MEAN`.
        folds: The same of each fold, if there are folds; the others are the final
            model's then.
    """

    arrays: Mapping[str, Any]
    constants: Mapping[str, float]
    folds: tuple[Kept, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """Arrays and constants by name."""
        return {**self.arrays, **self.constants}

    def shapes(self, accelerated: bool) -> Prepared:
        """What a search space may know of them."""
        first = self.folds[0] if self.folds else self
        x, y = first.arrays["x_train"], first.arrays["y_train"]
        return Prepared(
            x_shapes=_shapes(x),
            y_shapes=_shapes(y),
            rows=count(y),
            constants=first.constants,
            accelerated=accelerated,
        )

    def for_training(self) -> dict[str, Any]:
        """All but the test rows, which no trial may see."""
        seen = {k: v for k, v in self.arrays.items() if not k.endswith("_test")}
        return seen | dict(self.constants)


def count(arrays: Any) -> int:
    """How many rows an array has, or each of several in a dictionary."""
    return len(next(iter(arrays.values())) if isinstance(arrays, dict) else arrays)


def some(arrays: Any, rows: Any) -> Any:
    """Some rows of an array, or of each of several in a dictionary.

    Args:
        arrays: Prepared samples, or labels.
        rows: A slice, or positions.
    """
    if isinstance(arrays, dict):
        return {name: array[rows] for name, array in arrays.items()}
    return arrays[rows]


def place(run: RunFolder, shared: Mapping[str, Code]) -> Path:
    """Where the outcome of these very cells is kept.

    Args:
        run: The run's folder, which holds one data set.
        shared: Code of the cells. That of "load" says where the folder lies and does
            not count: a folder may be moved.
    """
    text = "\n".join(shared[cell].source for cell in SHARED if cell != "load")
    return run.prepared / hashlib.sha256(text.encode()).hexdigest()[:16]


def is_kept(folder: Path) -> bool:
    """Whether the outcome is there, whole."""
    return (folder / _CONSTANTS).exists()


def keep(
    folder: Path,
    namespace: Mapping[str, Any],
    folds: Iterable[Mapping[str, Any]] = (),
) -> None:
    """Write what the prepare cell left; the constants come last and say that all is
    there.

    Args:
        folder: From `place`.
        namespace: What the cells left.
        folds: What they leave for each fold.
    """
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    for number, fold in enumerate(folds):
        keep(folder / f"fold-{number}", fold)
    for name in (*_ARRAYS, *_WEIGHTS):
        for part, array in _parts(namespace.get(name)).items():
            file = f"{name}.{part}.npy" if part else f"{name}.npy"
            np.save(folder / file, array, allow_pickle=False)
    constants = {
        name: value
        for name, value in namespace.items()
        if name.isupper() and isinstance(value, int | float)
    }
    write_json(folder / _CONSTANTS, constants)


def load(folder: Path) -> Kept:
    """Map what `keep` wrote.

    Args:
        folder: From `place`.
    """
    import numpy as np

    arrays: dict[str, Any] = {}
    # Sorted, as Keras sorts the names of several inputs or outputs.
    for path in sorted(folder.glob("*.npy"), key=lambda p: p.stem.partition(".")):
        name, _, part = path.stem.partition(".")
        # Mapped, but a plain array: TensorFlow prints all others to learn their type.
        array = np.asarray(np.load(path, mmap_mode="r"))
        if part:
            arrays.setdefault(name, {})[part] = array
        else:
            arrays[name] = array
    folds = sorted(folder.glob("fold-*"), key=lambda path: int(path.name[5:]))
    return Kept(arrays, read_json(folder / _CONSTANTS), tuple(map(load, folds)))


def _parts(arrays: Any) -> dict[str, Any]:
    """Arrays by name; "" for the only one."""
    if arrays is None:
        return {}
    return dict(arrays) if isinstance(arrays, dict) else {"": arrays}


def _shapes(arrays: Any) -> dict[str, tuple[int, ...]]:
    """Axes of one row of each."""
    return {name: tuple(array.shape[1:]) for name, array in _parts(arrays).items()}
