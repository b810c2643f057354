"""What a person lives through in a notebook: a real kernel, real searches.

One kernel and three searches for the whole file, in the order of a working day: start,
look, restart in the middle, run all cells again, export, predict.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from notebook_automl.api.helper import HELPER
from notebook_automl.api.run import Run
from notebook_automl.errors import ReplayError, SearchError
from notebook_automl.record.events import EpochEnded, TrialEnded
from notebook_automl.record.files import write_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.tail import Tail

HEAVY = (
    "keras tensorflow jax torch autokeras keras_tuner optuna distributed dask".split()
)
DATA = """\
import numpy as np
import notebook_automl as automl
df = automl.example("wine")
images, labels = automl.example("digits")
images, labels = images[:300].astype("uint8"), labels[:300]
frame = df.assign(first=df["cultivar"] == "class_0").drop(columns="cultivar")
"""
# Names that are the notebook's own, and names that the generated code uses as well.
STARTS = {
    "wine": 'Search(df, target="cultivar", name="wine", trials=2, epochs=60, '
    "workers=1)",
    "digits": 'Search((images, labels), name="digits", trials=1, epochs=2, workers=1)',
    "flags": 'Search(frame, target="first", name="flags", trials=1, epochs=2, '
    "workers=1)",
}


# The variables that each search has its data from.
DATA_OF = {"wine": "[df]", "digits": "[images, labels]", "flags": "[frame]"}
KEPT = """
kept = {"wine": [df], "digits": [images, labels], "flags": [frame]}
kept = {name: [data.copy() for data in datas] for name, datas in kept.items()}
"""


@dataclass
class Said:
    """What came of one cell."""

    status: str = ""
    error: str = ""
    payload: list[dict[str, Any]] = field(default_factory=list)
    messages: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    def stream(self, name: str) -> str:
        told = [c for _, kind, c in self.messages if kind == "stream"]
        return "".join(c["text"] for c in told if c["name"] == name)

    @property
    def value(self) -> Any:
        """What the cell printed last, read as Python."""
        return ast.literal_eval(self.stream("stdout").strip().splitlines()[-1])


class Notebook:
    """A kernel, and cells that are run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manager = KernelManager()
        launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
        assert self.manager.kernel_spec is not None
        self.manager.kernel_spec.argv = [sys.executable, *launch]
        self.manager.start_kernel(cwd=str(folder))
        self.client = self._connect()

    def _connect(self) -> BlockingKernelClient:
        client: BlockingKernelClient = self.manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        return client

    def begin(self, code: str) -> str:
        """Send a cell and do not wait for its end."""
        return self.client.execute(code)

    def end(self, request: str) -> Said:
        said, began = Said(), None
        while True:
            message = self.client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            at = message["header"]["date"]
            began = began or at
            if kind == "status" and content["execution_state"] == "idle":
                break
            said.messages.append(((at - began).total_seconds(), kind, content))
        reply = self.client.get_shell_msg(timeout=30)["content"]
        said.status, said.payload = reply["status"], reply.get("payload", [])
        said.error = f"{reply.get('ename')}: {reply.get('evalue')}"
        return said

    def run(self, code: str, fails: bool = False) -> Said:
        said = self.end(self.begin(code))
        assert said.status == ("error" if fails else "ok"), said
        return said

    def restart(self) -> None:
        """Kill the kernel at once, and take a new one."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=True)
        self.client = self._connect()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def helpers(self) -> list[psutil.Process]:
        """Helper processes of this kernel."""
        kernel = psutil.Process(self.manager.provisioner.pid)  # type: ignore[union-attr]
        found = kernel.children(recursive=True)
        return [p for p in found if "notebook_automl.workers.helper" in p.cmdline()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebook's folder, with files that are called like libraries."""
    home = tmp_path_factory.mktemp("notebook")
    for name in ("optuna", "distributed", "autokeras"):
        (home / f"{name}.py").write_text("raise ImportError('the person own file')")
    return home


@pytest.fixture(scope="module")
def notebook(folder: Path) -> Iterator[Notebook]:
    notebook = Notebook(folder)
    yield notebook
    notebook.close()
    HELPER.close()


@pytest.fixture(scope="module")
def runs(notebook: Notebook, folder: Path) -> dict[str, RunFolder]:
    """All three started; the variables are changed at once."""
    notebook.run(DATA)
    for name, search in STARTS.items():
        began_s = time.monotonic()
        notebook.run(f"{name} = automl.{search}.start()")
        assert time.monotonic() - began_s < 5
    notebook.run("run = wine; df.loc[:, 'alcohol'] = 0.0; images[:] = 0; del frame")
    return {name: RunFolder(folder / "automl_runs" / name) for name in STARTS}


def epochs_of(run: RunFolder) -> list[tuple[int, int]]:
    read = Tail(run.events).read()
    return [(e.trial, e.epoch) for e in read if isinstance(e, EpochEnded)]


HOOKS = """
epochs, ends, broken = [], [], []
run.on_epoch(lambda event: epochs.append((event.trial, event.epoch)))
run.on_trial_end(lambda event: ends.append(event.trial))
@run.on_epoch
def faulty(event):
    broken.append(event)
    raise RuntimeError("a hook of mine")
"""


def test_the_kernel_is_free_while_it_searches(
    notebook: Notebook, runs: dict[str, RunFolder]
) -> None:
    assert notebook.run("print(1 + 1)").value == 2
    assert notebook.run("print(repr(run.status))").value in ("starting", "running")
    messages = notebook.run("run").messages
    shown = next(c for _, kind, c in messages if kind == "display_data")
    assert {"text/plain", "text/html"} < shown["data"].keys()
    assert shown["data"]["text/plain"].startswith("wine: ")


def test_wait_shows_progress_and_can_be_interrupted(
    notebook: Notebook, runs: dict[str, RunFolder]
) -> None:
    notebook.run(HOOKS)
    waiting = notebook.begin("run.wait()")
    deadline_s = time.monotonic() + 120
    while len(epochs_of(runs["wine"])) < 3:
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    notebook.manager.interrupt_kernel()
    said = notebook.end(waiting)
    assert said.error.startswith("KeyboardInterrupt")
    shown = [
        m for m in said.messages if m[1] in ("display_data", "update_display_data")
    ]
    assert shown[0][1] == "display_data"
    # From the first second on: the stages, then the trials.
    assert shown[0][0] < 1.5
    texts = [content["data"]["text/plain"] for _, _, content in shown]
    assert "running" in texts[-1] and len(set(texts)) > 2
    assert notebook.run("print(repr(run.status))").value == "running"


def test_a_restarted_kernel_has_everything(
    notebook: Notebook, runs: dict[str, RunFolder]
) -> None:
    notebook.restart()
    notebook.run("import notebook_automl as automl; run = automl.attach('wine')")
    notebook.run(HOOKS)
    said = notebook.run("run.wait(); print((epochs, ends, len(broken)))")
    epochs, ends, calls = said.value
    read = Tail(runs["wine"].events).read()
    # The supervisor went on: one attempt, and each event of it once.
    assert {event.attempt for event in read} == {1}
    assert epochs == epochs_of(runs["wine"])
    assert len(set(epochs)) == calls
    assert ends == [event.trial for event in read if isinstance(event, TrialEnded)]
    assert notebook.run("print(repr(run.status))").value == "completed"
    assert notebook.run("print(automl.attach('flags').wait().status)")


def test_what_a_hook_raises_is_shown(
    notebook: Notebook, runs: dict[str, RunFolder]
) -> None:
    said = notebook.run(f"run = automl.attach('flags')\n{HOOKS}\nrun.wait()")
    assert "The hook faulty failed:" in said.stream("stderr")
    assert "RuntimeError: a hook of mine" in said.stream("stderr")


def test_all_cells_run_again_give_the_same_runs(
    notebook: Notebook, runs: dict[str, RunFolder], folder: Path
) -> None:
    cells = [DATA, *(f"{n} = automl.{s}.start().wait()" for n, s in STARTS.items())]
    for _ in range(2):
        for cell in cells:
            notebook.run(cell)
        notebook.restart()
    # The data that it searched are those at the start.
    assert sorted(p.name for p in (folder / "automl_runs").iterdir()) == [
        ".gitignore",
        *sorted(STARTS),
    ]
    for run in runs.values():
        assert {event.attempt for event in Tail(run.events).read()} == {1}


def test_another_description_or_other_data_are_refused(
    notebook: Notebook, runs: dict[str, RunFolder]
) -> None:
    notebook.run(DATA)
    other = STARTS["wine"].replace("trials=2", "trials=3")
    said = notebook.run(f"automl.{other}.start()", fails=True)
    assert said.error.startswith("RunDiffersError")
    assert "trials is 2 there and 3 here" in said.error
    assert "Choose another name=" in said.error
    notebook.run("df.loc[0, 'alcohol'] = 0.0")
    said = notebook.run(f"automl.{STARTS['wine']}.start()", fails=True)
    assert said.error.startswith("RunDiffersError") and "the data differ" in said.error


def test_exported_cells_reproduce_the_metrics_and_leave_the_data_alone(
    notebook: Notebook, runs: dict[str, RunFolder]
) -> None:
    notebook.restart()
    notebook.run("import notebook_automl as automl")
    codes, tests = {}, {}
    for name in STARTS:
        said = notebook.run(f"run = automl.attach({name!r}); _ = run.export('cells')")
        (offered,) = said.payload
        assert offered["source"] == "set_next_input" and not offered["replace"]
        codes[name] = offered["text"]
        tests[name] = notebook.run("print(run.trial().test)").value
    assert "frame = df[[" in codes["wine"]
    assert "x, y = images, labels\n" in codes["digits"]
    assert "trial_frame = frame[[" in codes["flags"]
    for name, code in codes.items():
        (fingerprint,) = re.findall(r'FINGERPRINT = "(\w{64})"', code)
        assert fingerprint in runs[name].schema.read_text("utf-8")
        assert not re.search("notebook_automl|autokeras|keras_tuner", code)
        notebook.run(DATA + KEPT)
        said = notebook.run(code)
        printed = re.findall(r"^\{.*\}$", said.stream("stdout"), re.MULTILINE)
        assert [ast.literal_eval(line) for line in printed] == [tests[name]]
        notebook.run(
            f"assert all(map(np.array_equal, kept[{name!r}], {DATA_OF[name]}))"
        )


def test_an_exported_notebook_is_stamped(
    runs: dict[str, RunFolder], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    run, test = Run(runs["wine"]), runs["wine"].trial(0).test
    recorded = run.trial(0).test or HELPER.score(runs["wine"], 0)
    write_json(test, recorded | {"accuracy": 2.0})
    with pytest.raises(ReplayError, match=r"Expected the recorded test metrics .*2\.0"):
        run.export("notebook", "best.ipynb", trial=0, replay=True)
    written = nbformat.read("best.ipynb", as_version=4)
    nbformat.validate(written)
    stamp, front = written.metadata["notebook_automl"], written.cells[0].source
    assert front.startswith("# Tabular classification: cultivar\n")
    assert f"| accuracy | 2.0 | {recorded['accuracy']} (**differs**) |" in front
    loss = recorded["loss"]
    assert f"| loss | {loss!r} | {loss!r} (equal to the last digit) |" in front
    assert stamp["reproduced"] == recorded
    (evaluate,) = (cell for cell in written.cells if cell.id == "evaluate")
    assert ast.literal_eval(evaluate.outputs[-1].text) == recorded
    assert not [
        o for c in written.cells for o in c.get("outputs", []) if "absl" in str(o)
    ]
    write_json(test, recorded)
    # What nobody has worked on may be written again.
    assert run.export("notebook", "best.ipynb", trial=0) == folder / "best.ipynb"
    written = nbformat.read("best.ipynb", as_version=4)
    assert "not run yet" in written.cells[0].source
    written.cells[-1].source += "\nprint('my own line')"
    nbformat.write(written, "best.ipynb")
    before = (folder / "best.ipynb").read_bytes()
    with pytest.raises(SearchError, match="or that was changed since"):
        run.export("notebook", "best.ipynb", trial=0)
    assert (folder / "best.ipynb").read_bytes() == before
    assert not [path for path in folder.iterdir() if path.name.startswith(".b")]
    requirements = (folder / "best.requirements.txt").read_text("utf-8")
    assert re.search(r"(?m)^keras==[\d.]+$", requirements)
    assert not re.search("notebook.automl|autokeras", requirements)


def test_a_notebook_that_does_not_run_shows_where(
    runs: dict[str, RunFolder], tmp_path: Path
) -> None:
    source = runs["flags"].trial(0).source
    before = source.read_text("utf-8")
    source.write_text(before.replace("import os\n", "import os\n1 / 0\n", 1), "utf-8")
    with pytest.raises(ReplayError, match="got ZeroDivisionError: division by zero"):
        Run(runs["flags"]).export("notebook", tmp_path / "größe.ipynb", replay=True)
    source.write_text(before, "utf-8")
    written = nbformat.read(tmp_path / "größe.ipynb", as_version=4)
    assert "not run yet" in written.cells[0].source
    assert written.cells[2].outputs[-1].ename == "ZeroDivisionError"


def test_predictions_have_the_labels_own_type(
    notebook: Notebook, runs: dict[str, RunFolder]
) -> None:
    notebook.restart()
    notebook.run(DATA)
    notebook.run("w, d, f = (automl.attach(n) for n in ('wine', 'digits', 'flags'))")
    notebook.run("""
    p = w.predict(df.head().drop(columns="cultivar"))
    assert p.shape == (5,) and all(type(v) is str for v in p), p
    assert set(w.predict(df)) <= set(df["cultivar"])
    one = df.iloc[0].to_dict()
    assert w.predict([one, one]).tolist() == [p[0]] * 2
    """)
    said = notebook.run("w.predict(df.drop(columns=['hue', 'alcohol']))", fails=True)
    assert said.error.startswith("DataError") and "'alcohol', 'hue'" in said.error
    (helper,) = notebook.helpers()
    # Warm, and no worse for an interrupted cell.
    sleeping = notebook.begin("import time; time.sleep(60)")
    time.sleep(0.5)
    notebook.manager.interrupt_kernel()
    assert notebook.end(sleeping).status == "error"
    began_s = time.monotonic()
    notebook.run("assert (w.predict(df.head()) == p).all()")
    assert time.monotonic() - began_s < 2
    assert notebook.helpers() == [helper]
    helper.kill()
    notebook.run("""
    p = d.predict(images[:7])
    assert p.shape == (7,) and p.dtype == labels.dtype, p
    assert d.predict(images[0]).tolist() == [p[0]]
    """)
    said = notebook.run("d.predict(images[:, :4])", fails=True)
    assert said.error.startswith("DataError: Expected samples of shape (8, 8)")
    notebook.run("""
    p = f.predict(frame)
    assert p.shape == (len(frame),) and p.dtype == bool, p
    """)


def test_a_trial_that_prints_reads_or_dies(
    notebook: Notebook, runs: dict[str, RunFolder]
) -> None:
    """The helper runs the trial's own code, which may do anything."""
    source = runs["flags"].trial(0).source
    before = source.read_text("utf-8")
    noise = """
import os, sys
os.write(1, b'{"result": 1}\\n')
print(sys.stdin.read())
os.system("cat; echo noise")
"""
    source.write_text(before + noise, "utf-8")
    notebook.run("assert d.predict(images).shape == (300,)")
    notebook.run("assert (f.predict(frame) == p).all()")
    source.write_text(before + "\nimport os\nos._exit(3)\n", "utf-8")
    notebook.run("d.predict(images[:1])")
    said = notebook.run("f.predict(frame)", fails=True)
    assert said.error.startswith("HelperError") and "it ended" in said.error
    source.write_text(before + "\nraise OSError('größe \\ud800')\n", "utf-8")
    said = notebook.run("f.predict(frame)", fails=True)
    assert said.error.startswith("HelperError: OSError: größe")
    source.write_text(before, "utf-8")
    notebook.run("assert (f.predict(frame) == p).all()")


def test_the_kernel_stays_light_and_its_helper_ends_with_it(
    notebook: Notebook, runs: dict[str, RunFolder]
) -> None:
    said = notebook.run(f"import sys; print([m for m in {HEAVY} if m in sys.modules])")
    assert said.value == []
    (helper,) = notebook.helpers()
    said = notebook.run("print(repr(type(w.trial().load_model()).__module__))")
    assert said.value.startswith("keras.")
    notebook.restart()
    psutil.wait_procs([helper], timeout=10)
    assert not helper.is_running()


def test_the_same_headless_and_in_plain_python(
    runs: dict[str, RunFolder], folder: Path
) -> None:
    cells = [
        DATA,
        f"run = automl.{STARTS['wine']}.start().wait()\nrun",
        "print((run.leaderboard()['role'] == 'trial').sum())",
        "code = run.export('cells')\nprint('frame = df[[' in str(code))",
    ]
    headless = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    manager: Any = KernelManager()
    launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.kernel_spec.argv = [sys.executable, *launch]
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(headless, km=manager, timeout=120, resources=resources).execute(
        cleanup_kc=True
    )
    texts = [[o.get("text") for o in cell.outputs] for cell in headless.cells]
    assert texts[2:] == [["2\n"], ["True\n"]]
    shown = headless.cells[1].outputs[-1].data
    assert shown["text/plain"].startswith("wine: completed")
    # What no page has drawn is saved as a picture and a table, in HTML as well.
    assert shown["image/png"]
    html, _ = HTMLExporter().from_notebook_node(headless)
    assert "data:image/png;base64," in html
    assert html.count(">completed</td>") == 5  # two trials, three baselines
    plain = subprocess.run(
        [sys.executable, "-c", "\n".join(cells)],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert plain.stdout == "2\nTrue\n", plain.stderr
    assert "completed" in plain.stderr
