"""Every plugin that a kernel may load is light, and a new file is found by its name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from notebook_automl._registry import Room
from notebook_automl.data._source import SOURCES
from notebook_automl.export._exporter import EXPORTERS
from notebook_automl.plots._plot import PLOTS
from notebook_automl.search._tuner import TUNERS
from notebook_automl.tasks._task import TASKS

_ROOMS = [SOURCES, TASKS, TUNERS, EXPORTERS, PLOTS]
_HEAVY = (
    *("keras", "tensorflow", "jax", "torch", "autokeras", "keras_tuner"),
    *("optuna", "distributed", "dask", "sklearn"),
)


@pytest.mark.parametrize("room", _ROOMS, ids=lambda room: room.package)
def test_loading_every_plugin_is_light(room: Room) -> None:
    code = (
        "import sys\n"
        "from notebook_automl._registry import Room\n"
        f"room = Room({room.package!r})\n"
        "plugins = [room.get(name) for name in room.names()]\n"
        f"print(len(plugins), [m for m in {_HEAVY!r} if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(len(room.names())), "[]"]
    assert room.names()


def test_only_what_the_list_of_files_says() -> None:
    """The file list is the list of plugins."""
    package = Path(__file__).parents[1] / "notebook_automl"
    for room in _ROOMS:
        folder = package / room.package.rpartition(".")[2]
        files = {path.stem for path in folder.glob("[!_]*.py")}
        assert files == set(room.names())
