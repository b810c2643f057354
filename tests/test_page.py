"""What kernel and page say to each other: a real kernel, a page played by the test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import handmade
import numpy as np
import pytest
from frontend import Front, kernel_with_front
from handmade import begun, ended, over, started

from notebook_automl import Search

FIELDS = {field.name: field for field in fields(Search)}
VIEW_MIME = "application/vnd.notebook-automl.view+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with kernel_with_front(tmp_path) as front:
        front.run("import notebook_automl as automl\nautoml.attach")
        yield front


def write(folder: Path, name: str = "first", *more: Any) -> None:
    """A run that is over, with two finished trials and one that failed."""
    events = [
        *started(),
        *begun(0, epochs=3, val_accuracy=0.5),
        ended(0, val_accuracy=0.5),
        *begun(1, epochs=2, val_accuracy=0.75),
        ended(1, val_accuracy=0.75),
        *begun(2),
        ended(2, state="failed", reason="out of <memory>"),
        over(),
        *more,
    ]
    handmade.write_run(folder / "automl_runs", name, *events)


def view_of(front: Front) -> str:
    """Show the run, and give the view's handle."""
    front.run("run = automl.attach()\nrun", cell="shows")
    assert not front.errors
    return str(front.bundles()[-1][VIEW_MIME]["handle"])


def test_a_view_gets_everything_when_it_is_ready(front: Front, tmp_path: Path) -> None:
    write(tmp_path)
    front.greet()
    handle = view_of(front)
    bundle = front.bundles()[-1]
    assert WIDGET_MIME in bundle
    assert bundle[VIEW_MIME] == {
        "version": 1,
        "handle": handle,
        "run": "first",
        "folder": None,
    }
    for _ in range(2):  # a page that was reloaded is ready once more
        front.press(handle, "ready")
        frame = front.widget(lambda told: told["kind"] == "frame" and told["reset"])
        assert [row["trial"] for row in frame["trials"]] == [0, 1, 2]
        assert frame["trials"][2]["reason"] == "out of <memory>"
        assert frame["run"]["best"] == 1
        assert frame["run"]["status"] == "completed"
        assert (frame["columns"], frame["pieces"]) == (["val_accuracy"], 2)
        numbers = np.frombuffer(frame["buffers"][0], "<f4").tolist()
        assert numbers == [0, 1, 3, 1, 1, 2, 0.5, 0.5, 0.5, 0.75, 0.75]


def test_a_view_is_told_whose_models_are_kept(front: Front, tmp_path: Path) -> None:
    write(tmp_path)
    model = tmp_path / "automl_runs" / "first" / "trials" / "0001" / "best.keras"
    model.parent.mkdir(parents=True, exist_ok=True)
    model.touch()
    front.greet()
    handle = view_of(front)
    front.press(handle, "ready")
    frame = front.widget(lambda told: told["kind"] == "frame" and told["reset"])
    assert frame["run"]["models"] == [1]


def test_a_kernel_is_kept_from_being_ended_up_to_a_limit(
    front: Front, tmp_path: Path
) -> None:
    write(tmp_path)
    hours = "NOTEBOOK_AUTOML_KEEPALIVE_HOURS"
    front.run(f"%env {hours}=soon\nrun = automl.attach()\nrun", cell="shows")
    assert any(hours in error and "'soon' (str)" in error for error in front.errors)
    front.errors.clear()
    front.run(
        """
        import time
        from notebook_automl.ui.feed import Feed
        def speaks(set_hours, in_hours):
            %env NOTEBOOK_AUTOML_KEEPALIVE_HOURS=$set_hours
            feed = Feed(run, lambda *told: None, list, lambda status: None)
            feed.status = "running"
            return feed.must_speak(time.monotonic() + in_hours * 3600)
        said = [speaks(2, 1), speaks(2, 3), speaks(0, 1)]
        assert said == [True, False, False], said
        """
    )
    assert not front.errors


def test_the_saved_view_has_a_picture_and_every_trial(
    front: Front, tmp_path: Path
) -> None:
    write(tmp_path)
    view_of(front)
    bundle = front.bundles()[-1]
    assert bundle["image/png"]
    assert bundle["text/html"].count("<tr>") == 1 + 3
    assert "out of &lt;memory&gt;" in bundle["text/html"]
    assert "data:image/png;base64," in bundle["text/html"]


def test_a_page_that_comes_later_gets_the_saved_view(
    front: Front, tmp_path: Path
) -> None:
    write(tmp_path)
    handle = view_of(front)
    front.greet()
    still = front.until(
        lambda _: next((told for told in front.told if told["op"] == "still"), None)
    )
    assert still["handle"] == handle
    assert {"image/png", "text/html", "text/plain"} < still["data"].keys()
    # What was shown when nobody had greeted yet had no widget.
    assert WIDGET_MIME not in front.bundles()[0]
    assert WIDGET_MIME in still["data"]


def test_versions_that_differ_are_told_in_one_line(
    front: Front, tmp_path: Path
) -> None:
    write(tmp_path)
    handle = view_of(front)
    front.greet(version="0.0.1")
    front.press(handle, "ready")
    frame = front.widget(lambda told: told.get("run", {}).get("lines"))
    (line,) = frame["run"]["lines"]
    assert "0.0.1 in Front 1" in line
    assert "pip install notebook-automl==" in line


def test_a_button_is_answered_and_an_error_does_no_harm(
    front: Front, tmp_path: Path
) -> None:
    write(tmp_path)
    handle = view_of(front)
    front.greet()
    stopped = front.answer(front.press(handle, "stop"))
    assert stopped["ok"] and "completed already" in stopped["message"]
    more = front.answer(front.press(handle, "extend", minutes=-1))
    assert not more["ok"] and "Expected minutes" in more["message"]
    odd = front.answer(front.press(handle, "dance"))
    assert not odd["ok"] and "'dance'" in odd["message"]


def test_code_from_a_button_needs_a_page_that_takes_cells(
    front: Front, tmp_path: Path
) -> None:
    write(tmp_path)
    handle = view_of(front)
    front.greet()
    request = front.press(handle, "insert", trial=2)
    failed = front.answer(request)
    assert not failed["ok"] and "which is failed" in failed["message"]


def form_of(front: Front, test: Any = lambda told: True) -> dict[str, Any]:
    return front.widget(lambda told: told["kind"] == "form" and test(told))


def chosen(form: dict[str, Any]) -> dict[str, Any]:
    """What a form holds beside the defaults of `Search`."""
    return {n: v for n, v in form["values"].items() if FIELDS[n].default != v}


@pytest.fixture
def panel(front: Front) -> str:
    """A form in the cell "panel", for a table; its handle."""
    front.run('df = automl.example("wine")\nautoml.Panel(df)', cell="panel")
    assert not front.errors
    return front.handles["panel"]


SEARCH = "panel panel/search"


def test_a_form_keeps_its_line_in_a_cell(front: Front, panel: str) -> None:
    front.greet()
    front.press(panel, "ready", cell="panel")
    form = form_of(front)
    assert chosen(form) == {"data": "df", "minutes": 10}
    assert not form["ready"] and not form["errors"]
    by_name = {field["name"]: field for field in form["fields"]}
    assert "cultivar" in [c["value"] for c in by_name["target"]["choices"]]
    front.press(panel, "set", cell="panel", field="target", value="cultivar")
    form = form_of(front, lambda told: told["cell"])
    assert form["ready"]
    assert form["line"] == 'automl.Search(df, target="cultivar", minutes=10).start()'
    assert front.cells[SEARCH] == f"run = {form['line']}\nrun"
    by_name = {field["name"]: field for field in form["fields"]}
    assert by_name["task"]["proposed"] == "tabular_classification"
    # The form moves the cell ...
    front.press(panel, "set", cell="panel", field="trials", value=3)
    front.until(lambda _: "trials=3" in front.cells[SEARCH])
    # ... and the cell the form, with what the person has added.
    mine = 'run = automl.Search(df, target="cultivar", minutes=2).start()  # mine'
    front.cells[SEARCH] = mine
    front.say("source", cell=SEARCH, source=mine)
    form = form_of(front, lambda told: told["values"].get("minutes") == 2)
    assert chosen(form) == {"data": "df", "target": "cultivar", "minutes": 2}
    front.press(panel, "set", cell="panel", field="seed", value=7)
    front.until(lambda _: "seed=7).start()  # mine" in front.cells[SEARCH])


def test_errors_stand_at_their_fields_and_nothing_is_lost(
    front: Front, panel: str
) -> None:
    front.greet()
    front.press(panel, "ready", cell="panel")
    front.press(panel, "set", cell="panel", field="target", value="cultivar")
    form_of(front, lambda told: told["cell"])
    before = front.cells[SEARCH]
    front.press(panel, "set", cell="panel", field="minutes", value="soon")
    form = form_of(front, lambda told: told["errors"])
    assert set(form["errors"]) == {"minutes"}
    assert "got 'soon' (str)" in form["errors"]["minutes"]
    assert not form["ready"]
    refused = front.answer(front.press(panel, "start", cell="panel"))
    assert not refused["ok"] and "'soon'" in refused["message"]
    front.press(panel, "set", cell="panel", field="task", value="tabular_regression")
    front.press(panel, "set", cell="panel", field="minutes", value=10)
    form = form_of(
        front, lambda told: "task" in told["errors"] or "target" in told["errors"]
    )
    assert front.cells[SEARCH] == before
    front.press(panel, "set", cell="panel", field="task", value=None)
    form_of(front, lambda told: told["ready"])


def ready_form(front: Front, panel: str) -> None:
    """A form whose line stands in its cell."""
    front.greet()
    front.press(panel, "ready", cell="panel")
    front.press(panel, "set", cell="panel", field="target", value="cultivar")
    form_of(front, lambda told: told["cell"])


def test_a_cell_that_is_no_search_is_left_and_start_makes_a_new_one(
    front: Front, panel: str
) -> None:
    ready_form(front, panel)
    front.cells[SEARCH] = "run = ("
    front.say("source", cell=SEARCH, source="run = (")
    form = form_of(front, lambda told: told["note"])
    assert "line 1" in form["note"] and "Start makes a new one" in form["note"]
    assert form["values"]["target"] == "cultivar" and form["ready"]
    started = front.answer(front.press(panel, "start", cell="panel"))
    assert started["ok"], started
    assert front.cells[SEARCH] == "run = ("
    assert "Search(df" in front.cells["panel panel 1/search"]
    insert = [told for told in front.told if told["op"] == "insert"][-1]
    assert insert["run"] and not insert["undoable"]


def test_a_deleted_cell_comes_back_by_undo_or_by_start(
    front: Front, panel: str
) -> None:
    ready_form(front, panel)
    mine = 'run = automl.Search(df, target="cultivar", minutes=4).start()'
    front.say("source", cell=SEARCH, source=mine)
    form_of(front, lambda told: told["values"]["minutes"] == 4)
    front.say("source", cell=SEARCH, source=None)
    form_of(front, lambda told: not told["cell"])
    front.cells[SEARCH] = mine
    front.say("source", cell=SEARCH, source=mine)
    form_of(front, lambda told: told["cell"])
    front.press(panel, "set", cell="panel", field="minutes", value=6)
    front.until(lambda _: "minutes=6" in front.cells[SEARCH])
    # It came back without a word: the form says what is so all the same.
    front.say("source", cell=SEARCH, source=None)
    form_of(front, lambda told: not told["cell"])
    front.cells[SEARCH] = mine
    front.press(panel, "set", cell="panel", field="minutes", value=7)
    front.until(lambda _: "minutes=7" in front.cells[SEARCH])
    front.say("source", cell=SEARCH, source=None)
    form_of(front, lambda told: not told["cell"])
    del front.cells[SEARCH]
    started = front.answer(front.press(panel, "start", cell="panel"))
    assert started["ok"], started
    assert "minutes=7" in front.cells[SEARCH]


def test_expressions_of_the_cell_are_kept_by_the_form(front: Front, panel: str) -> None:
    ready_form(front, panel)
    mine = 'run = automl.Search(df.dropna(), target="cultivar", minutes=n).start()'
    front.cells[SEARCH] = mine
    front.say("source", cell=SEARCH, source=mine)
    form = form_of(front, lambda told: told["values"]["minutes"] == "n")
    assert form["ready"] and form["values"]["data"] == "df.dropna()"
    front.press(panel, "set", cell="panel", field="seed", value=3)
    front.until(lambda _: "minutes=n, seed=3)" in front.cells[SEARCH])
    assert "Search(df.dropna(), " in front.cells[SEARCH]


def test_a_form_that_is_opened_again_finds_its_cell(front: Front, panel: str) -> None:
    front.cells[SEARCH] = 'go = automl.Search(df, target="cultivar", trials=4).start()'
    front.greet()
    front.press(panel, "ready", cell="panel")
    form = form_of(front, lambda told: told["cell"])
    assert chosen(form) == {"data": "df", "target": "cultivar", "trials": 4}


def test_a_form_follows_the_notebooks_variables(front: Front, panel: str) -> None:
    front.greet()
    front.press(panel, "ready", cell="panel")
    form_of(front)
    front.run("import numpy as np\nx, y = np.zeros((9, 8, 8)), np.arange(9) % 3")
    form = form_of(front)
    by_name = {field["name"]: field for field in form["fields"]}
    assert [c["value"] for c in by_name["data"]["choices"]] == ["df", "(x, y)"]
    front.press(panel, "set", cell="panel", field="data", value="(x, y)")
    form_of(front, lambda told: told["values"]["data"] == "(x, y)")
    front.run("del x")
    form = form_of(front, lambda told: told["errors"])
    assert "Run the cell that makes it first" in form["errors"]["data"]


def test_without_an_extension_a_form_starts_the_search_itself(
    front: Front, panel: str
) -> None:
    ask = front.press_without_extension
    ask(panel, "ready")
    for field, value in {"target": "cultivar", "trials": 1, "epochs": 1}.items():
        ask(panel, "set", field=field, value=value)
    form = form_of(front, lambda told: told["values"].get("epochs") == 1)
    assert form["ready"] and not form["page"] and not form["cell"]
    started = front.answer(ask(panel, "start"))
    assert started["ok"], started
    front.run("run.stop(); run.stop(); print(run.wait().status)")
    assert not front.errors
    assert "view" in front.handles


def test_an_edit_of_a_moment_ago_is_not_written_over(front: Front, panel: str) -> None:
    ready_form(front, panel)
    mine = 'run = automl.Search(df, target="cultivar", minutes=4).start()  # mine'
    front.cells[SEARCH] = mine  # and the kernel has not heard of it yet
    front.press(panel, "set", cell="panel", field="trials", value=3)
    form = form_of(front, lambda told: told["values"].get("minutes") == 4)
    assert chosen(form) == {"data": "df", "target": "cultivar", "minutes": 4}
    assert front.cells[SEARCH] == mine


def test_a_call_in_the_persons_own_form_stays_while_it_says_the_same(
    front: Front, panel: str
) -> None:
    ready_form(front, panel)
    mine = 'run = automl.Search(\n    df,  # mine\n    target="cultivar",\n).start()'
    front.cells[SEARCH] = mine
    front.say("source", cell=SEARCH, source=mine)
    form_of(front, lambda told: "minutes" not in chosen(told))
    started = front.answer(front.press(panel, "start", cell="panel"))
    assert started["ok"], started
    assert front.cells[SEARCH] == mine


def test_without_a_page_nothing_is_inserted(front: Front, tmp_path: Path) -> None:
    write(tmp_path)
    source = "import keras\nSEED = 0\n"
    setup = f"""
from notebook_automl.page.cells import PageCell, insert
print(insert("e", [PageCell("a", "code", {source!r})], "cell"))
"""
    front.run(setup)
    assert front.text == "None\n"
    front.greet()
    front.run(setup.replace('"cell"', '"elsewhere"'))
    assert front.text == "None\n" * 2  # no page holds that cell
    assert "e/a" not in front.cells


def test_a_page_that_has_the_extension_at_last_finds_the_kernel(
    front: Front, tmp_path: Path
) -> None:
    write(tmp_path)
    handle = view_of(front)
    front.close_kernel_comm()
    front.press_without_extension(handle, "ready")
    front.until(lambda _: front.has_kernel_comm)
    front.greet()
    stopped = front.answer(front.press(handle, "stop"))
    assert stopped["ok"]


def test_a_picture_that_cannot_be_drawn_keeps_nobody_waiting(
    front: Front, tmp_path: Path
) -> None:
    write(tmp_path)
    front.run(
        "from notebook_automl.ui import view\nview.View._still = lambda self: 1 / 0"
    )
    view_of(front)
    front.run("print(run.wait(timeout_s=40).status)")
    assert front.text == "completed\n"


def test_a_panel_of_the_wrong_thing_says_what_to_type(front: Front) -> None:
    front.run("automl.Panel([1, 2])")
    assert "Type df = ... first" in front.errors[-1]
    front.run("automl.Panel(epoch=3)")
    assert "Expected fields of Search, got 'epoch' (str)" in front.errors[-1]
