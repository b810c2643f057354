"""Saved views are drawn in a process beside the kernel."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from handmade import begun, ended, over, started, write_run

import notebook_automl as automl
from notebook_automl.api.run import Run
from notebook_automl.errors import HelperError
from notebook_automl.record.events import to_line
from notebook_automl.ui.painter import Painter

EVENTS = [*started(), *begun(0, epochs=3, val_accuracy=0.5)]


@pytest.fixture
def painter() -> Iterator[Painter]:
    painter = Painter()
    yield painter
    painter.close()


def attach(folder: Path) -> Run:
    return automl.attach("run", str(folder))


def test_the_picture_follows_the_run(painter: Painter, tmp_path: Path) -> None:
    folder = write_run(tmp_path, "run", *EVENTS)
    run = attach(tmp_path)
    first = painter.draw(run.folder, run.started_s)
    assert base64.b64decode(first["image/png"]).startswith(b"\x89PNG")
    assert painter.draw(run.folder, run.started_s) == first
    with folder.events.open("a") as file:
        more = [ended(0, val_accuracy=0.5), over()]
        file.writelines(map(to_line, more))
    last = painter.draw(run.folder, run.started_s)
    assert "completed" in last["text/html"]
    assert last["image/png"] != first["image/png"]


def test_a_run_of_the_same_name_is_another(painter: Painter, tmp_path: Path) -> None:
    write_run(tmp_path, "run", *EVENTS)
    old = attach(tmp_path)
    before = painter.draw(old.folder, old.started_s)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(HelperError, match="Cannot draw the saved view"):
        painter.draw(tmp_path / "nowhere", 0.0)
    write_run(tmp_path, "run", *started(), *begun(0), ended(0, val_accuracy=1.0))
    after = painter.draw(old.folder, old.started_s + 1)
    assert before["text/html"] != after["text/html"]


def test_a_painter_that_was_killed_is_replaced(
    painter: Painter, tmp_path: Path
) -> None:
    write_run(tmp_path, "run", *EVENTS)
    run = attach(tmp_path)
    for end in (signal.SIGINT, signal.SIGKILL):
        # An interrupt is meant for the kernel's cell.
        assert painter.draw(run.folder, run.started_s)["image/png"]
        assert painter.pid is not None
        os.kill(painter.pid, end)
    assert painter.draw(run.folder, run.started_s)["image/png"]


def test_it_ends_with_the_process_that_asked(tmp_path: Path) -> None:
    write_run(tmp_path, "run", *EVENTS)
    run = attach(tmp_path)
    code = (
        "import sys; from pathlib import Path\n"
        "from notebook_automl.ui.painter import painter\n"
        "painter().draw(Path(sys.argv[1]), float(sys.argv[2]))\n"
        "print(painter().pid)"
    )
    arguments = [sys.executable, "-c", code, str(run.folder), str(run.started_s)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    pid = int(done.stdout)
    # It is nobody's child any more, so that it is gone as soon as it has ended.
    while is_alive(pid):
        os.sched_yield()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
