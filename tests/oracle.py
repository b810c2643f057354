"""A model that is always right, for tests of what stands around a model."""

from __future__ import annotations

from typing import Any

import numpy as np


class Oracle:
    """Stands where the trained model would: knows the label of each row."""

    def __init__(self, codes: Any, classes: int) -> None:
        self._codes, self._classes = np.asarray(codes), classes

    def predict(self, rows: Any, verbose: int) -> Any:
        codes = self._codes[: len(rows)]
        if self._classes == 2:
            return codes[:, None].astype("float32")
        return np.eye(self._classes, dtype="float32")[codes]
