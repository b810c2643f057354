"""The form: from the toolbar to a running search, in step with its cell."""

from __future__ import annotations

import pytest
from lab import Notebook, Open
from playwright.sync_api import Locator, expect
from test_view import until_points

DATA = """\
import notebook_automl as automl
df = automl.example("wine")
other = 1"""


def field(notebook: Notebook, label: str) -> Locator:
    return notebook.panel().get_by_label(label, exact=True)


def line(notebook: Notebook) -> str:
    """The cell that the form keeps in step."""
    (cell,) = [c for c in notebook.cells() if "Search(" in c["source"]]
    return str(cell["source"])


def choose_target(notebook: Notebook) -> None:
    expect(chosen(notebook, "Data")).to_contain_text("df")
    option = field(notebook, "Target").locator("option", has_text="cultivar")
    field(notebook, "Target").select_option(label=option.inner_text())


def chosen(notebook: Notebook, label: str) -> Locator:
    """The option of a list that is chosen."""
    return field(notebook, label).locator("option:checked")


@pytest.mark.parametrize("way", ["toolbar", "palette", "magic"])
def test_data_target_start_is_enough(open_notebook: Open, way: str) -> None:
    notebook = open_notebook(DATA, "%load_ext notebook_automl\n%automl")
    notebook.run("cell-0")
    if way == "magic":
        notebook.run("cell-1")
    elif way == "toolbar":
        notebook.page.locator(".jp-Toolbar").get_by_role(
            "button", name="AutoML"
        ).click()
    else:
        open_panel = "jupyterapp.commands.execute('notebook-automl:open-panel')"
        notebook.page.evaluate(open_panel)
    choose_target(notebook)
    notebook.until("c.some(x => x.getSource().includes('target=\"cultivar\"'))")
    if way != "magic":
        return
    notebook.panel().get_by_role("button", name="Start", exact=True).click()
    expect(notebook.view()).to_be_visible()
    expect(
        notebook.panel().get_by_text("The cell below runs the search.")
    ).to_be_visible()
    until_points(notebook, 0)
    stop = notebook.view().get_by_role("button", name="Stop")
    stop.click()
    expect(notebook.view().locator(".automl-title")).to_contain_text("stopped")


def test_form_and_cell_move_each_other_and_errors_stand_at_fields(
    open_notebook: Open,
) -> None:
    notebook = open_notebook(DATA, "automl.Panel(df)")
    notebook.run("cell-0")
    notebook.run("cell-1")
    choose_target(notebook)
    notebook.until("c.length === 3")
    written = 'run = automl.Search(df, target="cultivar", minutes=10).start()\nrun'
    assert notebook.cells()[2]["source"] == written
    expect(notebook.panel().get_by_text('target="cultivar"')).to_be_visible()

    field(notebook, "Minutes").fill("3")
    notebook.until("c[2].getSource().includes('minutes=3')")
    mine = 'run = automl.Search(df, target="ash", trials=7).start()  # mine'
    notebook.call("p.model.sharedModel.cells[2].setSource(a)", mine)
    expect(field(notebook, "Minutes")).to_have_value("")
    expect(field(notebook, "Trials")).to_have_value("7")
    expect(chosen(notebook, "Target")).to_contain_text("ash")

    field(notebook, "Minutes").fill("soon")
    error = notebook.panel().locator("[data-field=minutes] .automl-error")
    expect(error).to_contain_text("got 'soon' (str)")
    expect(field(notebook, "Minutes")).to_have_attribute("aria-invalid", "true")
    described = field(notebook, "Minutes").get_attribute("aria-describedby") or ""
    assert error.get_attribute("id") in described.split()
    start = notebook.panel().get_by_role("button", name="Start", exact=True)
    expect(start).to_have_attribute("aria-disabled", "true")
    assert notebook.cells()[2]["source"] == mine  # nothing is lost

    field(notebook, "Minutes").fill("")
    expect(error).to_be_hidden()
    notebook.call(
        "p.model.sharedModel.cells[2].setSource(a)", mine.replace("trials", "trails")
    )
    said = notebook.panel().get_by_text("Did you mean 'trials'?")
    expect(said).to_be_visible()


def test_everything_can_be_done_with_the_keyboard(open_notebook: Open) -> None:
    notebook = open_notebook(DATA, "automl.Panel(df)")
    notebook.run("cell-0")
    notebook.run("cell-1")
    expect(chosen(notebook, "Data")).to_contain_text("df")
    field(notebook, "Target").focus()
    notebook.page.keyboard.type("cultivar")
    notebook.until("c.length === 3")
    seen = []
    for _ in range(12):
        notebook.page.keyboard.press("Tab")
        focus = notebook.page.evaluate(
            """() => { const e = document.activeElement;
                const s = getComputedStyle(e);
                return [e.labels?.[0]?.textContent || e.textContent,
                        s.outlineStyle !== 'none' || s.boxShadow !== 'none']; }"""
        )
        seen.append(focus)
        if focus[0] == "Start":
            break
    assert [name for name, _ in seen][-1] == "Start"
    assert all(visible for _, visible in seen), seen


def test_keys_that_are_typed_into_a_field_leave_the_notebook_alone(
    open_notebook: Open,
) -> None:
    notebook = open_notebook(DATA, "automl.Panel(df)")
    notebook.run("cell-0")
    notebook.run("cell-1")
    before = notebook.cells()
    keys = notebook.page.keyboard
    minutes = field(notebook, "Minutes")
    minutes.click()
    keys.press("End")
    keys.type("77")
    keys.press("Control+z")
    expect(minutes).not_to_have_value("1077")
    minutes.fill("")
    keys.type("ddaabb")
    expect(minutes).to_have_value("ddaabb")
    field(notebook, "Target").focus()
    keys.type("dd")
    keys.press("Escape")
    assert [c["source"] for c in notebook.cells()] == [c["source"] for c in before]


def test_start_pressed_twice_starts_one_search_and_a_saved_form_is_no_error(
    open_notebook: Open,
) -> None:
    notebook = open_notebook(DATA, "automl.Panel(df)", "import time; time.sleep(12)")
    notebook.run("cell-0")
    notebook.run("cell-1")
    choose_target(notebook)
    notebook.until("c.length === 4")
    notebook.run("cell-2", wait=False)
    notebook.until("p.sessionContext.session.kernel.status === 'busy'")
    start = notebook.panel().get_by_role("button", name="Start", exact=True)
    start.click()
    expect(
        notebook.panel().get_by_text("as soon as the kernel is free")
    ).to_be_visible()
    start.click()
    expect(notebook.view()).to_be_visible()
    until_points(notebook, 0)
    (cell,) = [c["id"] for c in notebook.cells() if "Search(" in c["source"]]
    assert len(notebook.cell(cell)["outputs"]) == 1
    runs = notebook.append("len(automl.runs())")
    notebook.run(runs)
    assert notebook.cell(runs)["outputs"][0]["data"]["text/plain"] == "1"
    notebook.view().get_by_role("button", name="Stop").click()
    expect(notebook.view().locator(".automl-title")).to_contain_text("stopped")
    notebook.save()
    notebook.call("await p.sessionContext.shutdown()")
    notebook.page.reload()
    notebook.settle(kernel=False)
    told = notebook.output("cell-1").get_by_text("run this cell to open it")
    expect(told).to_be_visible()
    expect(notebook.page.get_by_text("Error displaying widget")).to_have_count(0)
