"""The versions of what decides over a run's numbers."""

from __future__ import annotations

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    *("notebook-automl", "autokeras", "keras", "tensorflow", "optuna", "numpy"),
    *("pandas", "pyarrow", "scikit-learn", "ipykernel"),
)


def versions() -> dict[str, str]:
    """Versions of what decides over a run's numbers, as far as they are known."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
