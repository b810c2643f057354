"""Deep-learning AutoML inside the notebook, which leaves plain Keras code behind.

    import notebook_automl as automl

    run = automl.Search(df, target="species", minutes=10).start()
    run.export("cells")

Every name is loaded when it is first used: the import itself costs about a
millisecond, and nothing here ever loads Keras.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs more than all the rest of this file
if TYPE_CHECKING:
    from typing import Any

    from IPython.core.interactiveshell import InteractiveShell

    from notebook_automl.api.run import Run
    from notebook_automl.api.runs import attach, runs
    from notebook_automl.api.search import Search
    from notebook_automl.api.trial import Trial
    from notebook_automl.data._examples import example
    from notebook_automl.errors import (
        AutoMLError,
        ClusterError,
        DataError,
        HelperError,
        NoTrialError,
        PageError,
        ReplayError,
        RunDiffersError,
        RunFolderError,
        RunHeldError,
        RunNotFoundError,
        SearchError,
        UnknownNameError,
        UnsupportedLayerError,
    )
    from notebook_automl.ui.panel import Panel
    from notebook_automl.workers.devices import devices

    __version__: str

__all__ = [
    "AutoMLError",
    "ClusterError",
    "DataError",
    "HelperError",
    "NoTrialError",
    "PageError",
    "Panel",
    "ReplayError",
    "Run",
    "RunDiffersError",
    "RunFolderError",
    "RunHeldError",
    "RunNotFoundError",
    "Search",
    "SearchError",
    "Trial",
    "UnknownNameError",
    "UnsupportedLayerError",
    "attach",
    "devices",
    "example",
    "runs",
]

_HOMES = {
    "Panel": "ui.panel",
    "Run": "api.run",
    "Search": "api.search",
    "Trial": "api.trial",
    "attach": "api.runs",
    "devices": "workers.devices",
    "example": "data._examples",
    "runs": "api.runs",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("notebook-automl")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import sys
    from importlib import import_module

    if sys.platform == "win32":
        raise ImportError(
            "Expected Linux or macOS, got native Windows: runs are held with POSIX "
            "locks. Install and use notebook-automl inside WSL2."
        )
    home = import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
    value = globals()[name] = getattr(home, name)
    if "IPython" in sys.modules:
        from notebook_automl.ui.display import register

        register()
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add `%automl` to a notebook: `%load_ext notebook_automl`."""
    from notebook_automl.ui.magics import load

    load(shell)
