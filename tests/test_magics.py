"""`%automl` in a real kernel; the test plays the front end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from handmade import begun, ended, over, started, write_run
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from notebook_automl.record.lock import RunLock
from notebook_automl.record.writer import EventWriter

VARIABLES = """
import sys
import numpy as np
import pandas as pd
frame = pd.DataFrame({"petal length": [1.0], "species": ["a"], 7: [1], "it's": [2]})
images, labels, number = np.zeros((3, 8, 8)), np.arange(3), 5
%load_ext notebook_automl
"""


@dataclass
class Answer:
    """What a front end hears of one cell."""

    status: str = ""
    error: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    displays: set[str] = field(default_factory=set)

    def hear(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            self.text += content["text"]
        elif kind == "error":
            self.error = content
        elif kind in ("execute_result", "display_data"):
            self.outputs.append(content["data"])
            self.shown.append(kind)
            self.displays.add(content.get("transient", {}).get("display_id", ""))
        elif kind == "update_display_data":
            # The views of other cells are kept true from threads, at any time.
            if content["transient"]["display_id"] in self.displays:
                self.outputs.append(content["data"])
                self.shown.append(kind)


class Kernel:
    """A kernel in a folder of its own."""

    def __init__(self, client: BlockingKernelClient, runs: Path) -> None:
        self.client = client
        self.runs = runs

    def run(self, code: str) -> Answer:
        answer = Answer()
        reply = self.client.execute_interactive(
            code, output_hook=answer.hear, allow_stdin=False, timeout=60
        )
        answer.status = reply["content"]["status"]
        return answer

    def complete(self, code: str, cursor: int | None = None) -> list[str]:
        reply = self.client.complete(code, cursor, reply=True, timeout=60)["content"]
        start = reply["cursor_start"]
        end = len(code) if cursor is None else cursor
        assert reply["cursor_end"] == end
        return [code[:start] + match + code[end:] for match in reply["matches"]]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    home = tmp_path_factory.mktemp("notebooks")
    runs = home / "automl_runs"
    runs.mkdir()
    trial = ended(0, val_accuracy=0.875)
    write_run(runs, "old one", *started(), trial, over(), started_s=1.0)
    write_run(runs, "newest", *started(), trial, over(), started_s=2.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        manager, client = start_new_kernel(kernel_name="python3", cwd=str(home))
    try:
        kernel = Kernel(client, runs)
        assert kernel.run(VARIABLES).status == "ok"
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_without_a_verb_it_opens_the_form(kernel: Kernel) -> None:
    answer = kernel.run("%automl")
    assert answer.shown == ["display_data"]
    assert "application/vnd.jupyter.widget-view+json" in answer.outputs[0]


def test_help_shows_the_verbs(kernel: Kernel) -> None:
    answer = kernel.run("%automl --help")
    assert answer.status == "ok"
    assert "leaderboard" in answer.text
    assert "x,y" in answer.text
    assert "--validation-split" in kernel.run("%automl start --help").text


def test_loading_twice_changes_nothing(kernel: Kernel) -> None:
    assert kernel.run("%reload_ext notebook_automl").status == "ok"
    assert len(kernel.complete("%automl sto")) == 1


@pytest.mark.parametrize(
    ("code", "name", "told"),
    [
        ("%automl statsu", "UnknownNameError", "Did you mean 'status'?"),
        ("%automl start fram", "DataError", "Did you mean 'frame'?"),
        ("%automl start images,lables", "DataError", "Did you mean 'labels'?"),
        ("%automl start frame --target specie", "DataError", "'species'"),
        ("%automl start number", "DataError", "got 5 (int)"),
        ("%automl start frame --minutes two", "SearchError", "got 'two' (str)"),
        ("%automl start frame --mintes 2", "SearchError", "mean '--minutes'?"),
        ("%automl start frame --minutes 0", "SearchError", "above 0, got 0.0"),
        ("%automl start frame --tuner tpee", "UnknownNameError", "'tpe'"),
        ('%automl start frame --target "petal', "SearchError", "No closing quotation"),
        ("%automl attach newst", "RunNotFoundError", "Did you mean 'newest'?"),
    ],
)
def test_an_error_is_its_message(
    kernel: Kernel, code: str, name: str, told: str
) -> None:
    answer = kernel.run(code)
    assert answer.status == "error"  # so that Run All stops
    assert answer.error["ename"] == name
    assert told in answer.error["evalue"]
    shown = answer.error["traceback"]
    assert shown == [f"{name}: {answer.error['evalue']}"]
    assert "Traceback" not in answer.text


def test_code_can_catch_the_error(kernel: Kernel) -> None:
    answer = kernel.run(
        "import notebook_automl as automl\n"
        "try: get_ipython().run_line_magic('automl', 'attach nothing')\n"
        "except automl.RunNotFoundError as error: print(error.field)"
    )
    assert answer.text == "name\n"


def test_options_and_names_reach_the_search(kernel: Kernel) -> None:
    answer = kernel.run(
        "frame_2 = pd.DataFrame({'petal length': range(40), 7: ['a', 'b'] * 20})\n"
        "%automl start frame_2 --target 7 --minutes 2 --seed 3 --name newest"
    )
    assert answer.error["ename"] == "RunDiffersError"
    assert "target is None there and 7 here" in answer.error["evalue"]
    assert "seed is 0 there and 3 here" in answer.error["evalue"]


def test_a_cell_below_is_a_graph_and_functions_are_named(kernel: Kernel) -> None:
    asked = {"graph": None, "loss": None, "space": {}, "class_weight": None}
    late = [*started(), ended(0, val_accuracy=0.5), over()]
    folder = write_run(kernel.runs, "mine", *late, started_s=1.5, **asked)
    kernel.run("def far(y_true, y_pred):\n    return y_true - y_pred\n")
    kernel.run("frame_2 = pd.DataFrame({'size': range(40), 7: ['a', 'b'] * 20})")
    answer = kernel.run(
        "%%automl start frame_2 --target 7 --loss far --class-weight balanced "
        "--space '{\"learning_rate\": 0.01}' --name mine\n"
        "open('effect', 'w')\nnode = ak.Input()\n"
    )
    assert answer.error["ename"] == "RunDiffersError"
    for difference in (
        "graph is None there and \"open('effect', 'w')\\nnode = ak.Input()\\n\" here",
        "loss is None there and {'name': 'far', 'code': 'far',",
        "space is {} there and {'learning_rate': 0.01} here",
        "class_weight is None there and 'balanced' here",
    ):
        assert difference in answer.error["evalue"]
    assert not (kernel.runs.parent / "effect").exists()
    answer = kernel.run("%%automl start frame_2 --target 7\nnode = (\n")
    assert "line 1: node = (" in answer.error["evalue"]
    answer = kernel.run("%%automl status\nnode = ak.Input()\n")
    assert "Expected %%automl start" in answer.error["evalue"]
    folder.delete()


@pytest.mark.parametrize("pair", ["images,labels", '"(images, labels)"'])
def test_two_arrays(kernel: Kernel, pair: str) -> None:
    answer = kernel.run(f"%automl start {pair} --target species")
    assert "no target beside arrays" in answer.error["evalue"]


def test_a_run_is_shown(kernel: Kernel) -> None:
    answer = kernel.run("%automl status newest")
    assert answer.shown[0] == "display_data"
    assert "newest: completed" in answer.outputs[0]["text/plain"]
    assert "<table" in answer.outputs[0]["text/html"]


def test_verbs_mean_the_newest_run_of_the_session(kernel: Kernel) -> None:
    def named() -> str:
        shown = kernel.run("%automl status").outputs[0]["text/plain"]
        return str(shown.partition(":")[0])

    assert named() == "newest"
    kernel.run("%automl attach 'old one'")
    assert named() == "old one"
    kernel.run('run = __import__("notebook_automl").attach("newest")')
    assert named() == "old one"  # taken up after the other one was started
    late = [*started(), ended(0, val_accuracy=0.5), over()]
    folder = write_run(kernel.runs, "late", *late, started_s=time.time())
    kernel.run('run = __import__("notebook_automl").attach("late")')
    assert named() == "late"
    folder.delete()
    assert named() == "old one"
    kernel.run("%automl attach")
    assert named() == "newest"


def test_text_is_shown_without_quotes(kernel: Kernel) -> None:
    answer = kernel.run("%automl stop newest")
    assert answer.text == "'newest' is completed already\n"
    assert answer.outputs == []


def test_tables_are_shown_and_can_be_kept(kernel: Kernel) -> None:
    assert "0.875" in kernel.run("%automl leaderboard newest").outputs[0]["text/plain"]
    answer = kernel.run("table = %automl runs\nprint(len(table) >= 2)")
    assert answer.text == "True\n"


def test_a_plot_is_shown(kernel: Kernel) -> None:
    answer = kernel.run("%automl plot history --name newest")
    assert answer.shown == ["execute_result"]
    assert answer.outputs[0]["image/png"].startswith("iVBOR")
    kept = kernel.run(
        "figure = %automl plot --name newest\nprint(type(figure).__mro__)"
    )
    assert "matplotlib.figure.Figure" in kept.text
    assert kept.outputs == []
    assert kernel.run("print('matplotlib.pyplot' in sys.modules)").text == "False\n"
    told = kernel.run("%automl plot histroy --name newest").error["evalue"]
    assert "Did you mean 'history'?" in told
    assert kernel.run("%automl plot --save a.svg").text == "a.svg\n"


def test_waiting_shows_one_output_that_changes(kernel: Kernel) -> None:
    now_s = time.time()
    folder = write_run(kernel.runs, "live", *started(now_s), started_s=0.5)
    answers: list[Answer] = []
    with RunLock(folder), EventWriter(folder.events) as writer:
        wait = threading.Thread(
            target=lambda: answers.append(kernel.run("%automl wait live"))
        )
        wait.start()
        for number in range(3):
            time.sleep(0.6)
            for event in begun(number, now_s):
                writer.append(event)
            writer.append(ended(number, now_s, val_accuracy=number / 10))
        writer.append(over(now_s + 3))
        wait.join(60)
    (answer,) = answers
    assert answer.status == "ok"
    assert answer.shown[0] == "display_data"
    last = answer.shown.index("display_data", 1)  # the run itself
    assert set(answer.shown[1:last]) == {"update_display_data"}
    assert 4 <= last <= 12
    assert "live: completed" in answer.outputs[last]["text/plain"]
    assert "3 trials: 3 finished" in answer.outputs[last]["text/html"]
    seen = [output["text/html"] for output in answer.outputs[:last]]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("%automl lea", "%automl leaderboard"),
        ("run = %automl exte", "run = %automl extend"),
        ("%automl start fra", "%automl start frame"),
        ("%automl start images,lab", "%automl start images,labels"),
        ("%automl start frame --tar", "%automl start frame --target"),
        ("%automl start frame --target spe", "%automl start frame --target species"),
        ("%automl start frame --target ", "%automl start frame --target 7"),
        (
            "%automl start frame --target pet",
            '%automl start frame --target "petal length"',
        ),
        (
            '%automl start frame --target "petal le',
            '%automl start frame --target "petal length"',
        ),
        (
            "%automl start frame --target 'petal le",
            "%automl start frame --target 'petal length'",
        ),
        (
            "%automl start frame --target it",
            '%automl start frame --target "it\'s"',
        ),
        (
            "%automl start frame --task tabular_c",
            "%automl start frame --task tabular_classification",
        ),
        (
            "%automl start frame --task tabular_regression --metric rm",
            "%automl start frame --task tabular_regression --metric rmse",
        ),
        ("%automl start frame --tuner t", "%automl start frame --tuner tpe"),
        ("%automl start frame --device c", "%automl start frame --device cpu"),
        ("%automl attach old", '%automl attach "old one"'),
        ("%automl status new", "%automl status newest"),
        ("%automl plot time", "%automl plot timeline"),
        ("%automl export note", "%automl export notebook"),
        ("%automl export --rep", "%automl export --replay"),
        ("%automl start frame --wait --see", "%automl start frame --wait --seed"),
    ],
)
def test_completion(kernel: Kernel, typed: str, expected: str) -> None:
    assert expected in kernel.complete(typed)


def test_completion_knows_what_belongs_where(kernel: Kernel) -> None:
    names = kernel.complete("%automl start ")
    assert "%automl start images" in names
    assert "%automl start number" not in names
    seconds = kernel.complete("%automl start images,")
    assert seconds == ["%automl start images,images", "%automl start images,labels"]
    metrics = kernel.complete("%automl start frame --task tabular_regression --metric ")
    assert not any("accuracy" in metric for metric in metrics)
    assert any(text.endswith("--seed") for text in kernel.complete("%automl start df "))


def test_completion_before_a_closing_quote(kernel: Kernel) -> None:
    typed = '%automl start frame --target "petal le"'
    assert kernel.complete(typed, len(typed) - 1) == [
        '%automl start frame --target "petal length"'
    ]


def test_completion_on_one_of_many_lines(kernel: Kernel) -> None:
    typed = "a = 1\n%automl sto"
    assert kernel.complete(f"{typed}\nb = 2", len(typed)) == [
        "a = 1\n%automl stop\nb = 2"
    ]


def test_other_completion_is_left_alone(kernel: Kernel) -> None:
    assert "print" in kernel.complete("pri")
    assert "%automl" in kernel.complete("%autom")


def test_the_kernel_never_loaded_keras(kernel: Kernel) -> None:
    heavy = "keras tensorflow jax torch autokeras keras_tuner optuna distributed dask"
    answer = kernel.run(f"import sys; print(set({heavy.split()}) & set(sys.modules))")
    assert answer.text == "set()\n"
