"""How long a trained model takes to predict."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from notebook_automl.workers.prepared import some

_WARM, _TIMES = 3, 21


def latency_ms(model: Any, x: Any, batch_size: int) -> float:
    """Median time of predicting one batch, in this process, on its device.

    Args:
        model: A Keras model.
        x: Prepared rows; the first ones are predicted.
        batch_size: How many of them.

    Returns:
        Milliseconds.
    """
    batch = some(x, slice(batch_size))
    taken = []
    for _ in range(_WARM + _TIMES):
        begun_s = time.perf_counter()
        model.predict_on_batch(batch)
        taken.append(time.perf_counter() - begun_s)
    return 1000 * median(taken[_WARM:])
