"""How a run gets on, in a terminal, in a pipe and in a kernel."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from handmade import begun, ended, write_run
from handmade import started as begins

# Shows three steps, then waits for a run that has ended.
CODE = """
import sys, time
sys.path.insert(0, sys.argv[1])
from handmade import begun, ended, fold, started
from notebook_automl.api.progress import Progress
from notebook_automl.plots._summary import summary
first = [*started(), *begun(0, epochs=1, val_accuracy=0.5)]
second = [*first, *begun(0, epochs=2, val_accuracy=0.5)[3:]]
third = [*second, ended(0, val_accuracy=0.5)]
with Progress() as progress:
    for events in (first, second, third, third):
        state = fold(*events)
        shown = summary(state, state.state, {}, "n", "val_accuracy", "max", now_s=7.0)
        progress.show(shown)
        time.sleep(0.3)
    state = fold(*third, *begun(1, epochs=4, val_accuracy=0.25))
    for now_s in (8.0, 9.0):
        progress.show(
            summary(state, state.state, {}, "n", "val_accuracy", "max", now_s=now_s)
        )
"""
LAST = (
    "1 trial, best val_accuracy 0.5000 (trial 0), running: trial 1 epoch 4/50, {time}"
)


def test_a_pipe_gets_a_line_a_step(env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, Path(__file__).parent],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "running: trial 0 epoch 1/50, 0:07",
        "1 trial, best val_accuracy 0.5000 (trial 0), 0:07",
    ]


def test_a_terminal_has_one_line_that_changes(env: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, Path(__file__).parent],
        env=env | {"COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 65536):
            said += chunk
    except OSError:  # Linux's way to say that the other side is closed
        pass
    finally:
        os.close(ours)
        assert process.wait(timeout=60) == 0
    lines = said.decode().split("\r")
    assert [line.rstrip(" ") for line in lines[:4]] == [
        "",
        "running: trial 0 epoch 1/50, 0:07",
        "running: trial 0 epoch 2/50, 0:07",
        "1 trial, best val_accuracy 0.5000 (trial 0), 0:07",
    ]
    assert LAST.format(time="0:09") in lines[-2]
    assert lines[-1] == "\n"


def test_the_kernel_is_not_asked_for_where_there_is_none(env: dict[str, str]) -> None:
    code = "import sys\nfrom notebook_automl.api.progress import Progress\n" + (
        "with Progress(): pass\nsys.exit('IPython' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)


def test_waiting_for_a_run_that_is_gone_ends(
    tmp_path: Path, env: dict[str, str]
) -> None:
    events = [*begins(), ended(0, val_accuracy=0.5), *begun(1)]
    write_run(tmp_path, "gone", *events)
    code = "import sys, notebook_automl as a\na.attach(folder=sys.argv[1]).wait()"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.startswith("interrupted (")
    assert done.stderr.count("\n") == 1
