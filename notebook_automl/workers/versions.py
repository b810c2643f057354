"""The versions of what decides over a run's numbers."""

from __future__ import annotations

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version

from notebook_automl.source.backends import BACKENDS

_PACKAGES = (
    *("notebook-automl", "autokeras", "keras", "optuna", "numpy"),
    *("pandas", "pyarrow", "scikit-learn", "ipykernel"),
    *(name for backend in BACKENDS.values() for name in backend.packages),
)


def versions() -> dict[str, str]:
    """Versions of what decides over a run's numbers, as far as they are known."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
