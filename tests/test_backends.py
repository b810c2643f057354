"""Searches with JAX and PyTorch: the same in all, and no TensorFlow anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

import notebook_automl as automl
from notebook_automl.source.backends import BACKENDS
from notebook_automl.source.program import Program

# Two searches, two replays: XLA compiles each step anew in each process.
pytestmark = pytest.mark.timeout(900)

# What a kernel's day with two runs comes to, printed as JSON.
_KERNEL = """
import json, sys
from pathlib import Path
import notebook_automl as automl

backend, home = sys.argv[1], Path(sys.argv[2])
x, y = automl.example("digits")
table = automl.example("iris")
options = {"backend": backend, "trials": 2, "epochs": 1, "workers": 1}
options["folder"] = str(home / "runs")
# Batches that leave no rest: XLA compiles a step for each shape.
runs = {
    "image": automl.Search((x[:300], y[:300]), batch_size=60, **options).start(),
    "table": automl.Search(table, target="species", batch_size=30, **options).start(),
}
rows = {"image": x[:5], "table": table.head()}
told = {}
for name, run in runs.items():
    run.wait()
    board = run.leaderboard()
    board = board[board["role"] != "ensemble"]  # kept only where it helps
    told[name] = {
        "status": run.status,
        "trials": int((board["role"] == "trial").sum()),
        "states": sorted(set(board["state"])),
        "scores": board["val_accuracy"].tolist(),
        "predicted": [str(label) for label in run.predict(rows[name])],
        "source": run.trial("best").source,
    }
    # Raises if it does not give the recorded metrics to the last digit.
    path = run.export("notebook", home / f"{name}.ipynb", replay=True)
    told[name]["requirements"] = path.with_suffix(".requirements.txt").read_text()

def loaded():
    return [m for m in ("keras", "tensorflow", "jax", "torch") if m in sys.modules]

light = loaded()
model = runs["table"].trial("best").load_model()
told |= {"light": light, "loaded": loaded(), "outputs": model.output_shape[-1]}
print(json.dumps(told))
"""
_LIBRARIES = {"tensorflow": "tensorflow", "jaxlib": "jax", "torch": "torch"}
_ROLES = {
    "notebook_automl.workers.supervisor": "supervisor",
    "notebook_automl.workers.helper": "helper",
    "ipykernel_launcher": "exported notebook",
    "multiprocessing.spawn": "worker",
}


@dataclass
class Watched:
    """What a kernel told, and what its descendants had in their memory.

    Args:
        backend: The backend that was asked for.
        told: The kernel's own words.
        mapped: Backends whose compiled half was mapped, by the process's role.
    """

    backend: str
    told: dict[str, Any] = field(default_factory=dict)
    mapped: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def mapped_libraries(pid: int) -> set[str]:
    """Backends whose shared objects a process has mapped."""
    text = Path(f"/proc/{pid}/maps").read_text()
    return {name for part, name in _LIBRARIES.items() if f"-packages/{part}/" in text}


@contextmanager
def watching(root: psutil.Process, watched: Watched) -> Iterator[None]:
    """Look at all descendants of a process, ten times a second."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            processes: list[psutil.Process] = []
            with suppress(psutil.Error):  # the list is out of date while it is made
                processes = root.children(recursive=True)
            for process in processes:
                with suppress(psutil.Error, OSError):
                    words = " ".join(process.cmdline())
                    for mark, role in _ROLES.items():
                        if mark in words:
                            watched.mapped[role] |= mapped_libraries(process.pid)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="module", params=["jax", "torch"])
def watched(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Watched:
    """A day's work in a kernel with one backend, watched."""
    watched = Watched(request.param)
    home = tmp_path_factory.mktemp(watched.backend)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", _KERNEL, watched.backend, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        with watching(psutil.Process(process.pid), watched):
            printed, _ = process.communicate()
    assert process.returncode == 0
    watched.told = json.loads(printed.splitlines()[-1])
    return watched


def test_jobs_end_and_predict(watched: Watched) -> None:
    """Every trial's graph was AutoKeras's own, or it would have failed."""
    for name in ("image", "table"):
        told = watched.told[name]
        assert told["status"] == "completed"
        # Baselines stand there, too.
        assert (told["trials"], told["states"]) == (2, ["completed"])
        assert all(0 <= score <= 1 for score in told["scores"])
        assert len(told["predicted"]) == 5
    assert set(watched.told["image"]["predicted"]) <= set("0123456789")
    assert watched.told["outputs"] == 3


def test_no_other_backend_is_loaded(watched: Watched) -> None:
    """Real processes: what they have mapped is what they have imported."""
    own = {watched.backend}
    assert watched.mapped["worker"] == own
    assert watched.mapped["helper"] == own
    assert watched.mapped["supervisor"] == set()
    assert "tensorflow" not in watched.mapped["exported notebook"]
    assert watched.backend in watched.mapped["exported notebook"]
    assert watched.told["light"] == []
    assert "tensorflow" not in watched.told["loaded"]
    assert watched.backend in watched.told["loaded"]


def test_the_code_names_its_backend(watched: Watched) -> None:
    """Before it imports anything, and in what has to be installed."""
    for name in ("image", "table"):
        setup = Program.from_text(watched.told[name]["source"])["setup"]
        lines = setup.splitlines()
        assert lines.index(
            f'os.environ["KERAS_BACKEND"] = "{watched.backend}"'
        ) < lines.index("import keras")
        required = {
            line.partition("==")[0]
            for line in watched.told[name]["requirements"].splitlines()
        }
        assert set(BACKENDS[watched.backend].packages) <= required
        assert "tensorflow" not in required and "+" not in str(required)


def test_auto_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    search = automl.Search(automl.example("iris"), target="species")
    for named in ("jax", "torch", "tensorflow"):
        monkeypatch.setenv("KERAS_BACKEND", named)
        assert search.description(search.schema())["backend"] == named
    monkeypatch.delenv("KERAS_BACKEND")
    assert search.description(search.schema())["backend"] == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    with pytest.raises(automl.SearchError, match="'openvino'") as caught:
        search.description(search.schema())
    assert caught.value.field == "backend"


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_a_backend_that_is_not_installed(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Refused before anything is written, with what to type."""
    search = automl.Search(automl.example("iris"), target="species", backend=name)
    search.folder = str(tmp_path / "runs")
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if "-packages" not in p])
    with pytest.raises(automl.SearchError) as caught:
        search.start()
    assert f'pip install "notebook-automl[{name}]"' in str(caught.value)
    assert caught.value.field == "backend"
    assert name not in sys.modules and not (tmp_path / "runs").exists()
