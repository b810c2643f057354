"""A saved notebook shows the run as a picture and a table, with no kernel at all."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import nbformat
from lab import Notebook, Open
from nbconvert import HTMLExporter
from playwright.sync_api import expect
from test_view import until_points

VIEW_MIME = "application/vnd.notebook-automl.view+json"
QUICK = """\
import notebook_automl as automl

df = automl.example("wine")
search = automl.Search(df, target="cultivar", trials=3, epochs=4, workers=1)
run = search.start()
run"""


def saved(notebook: Notebook, folder: Path) -> dict[str, str]:
    """What the file holds of the first cell's view."""
    notebook.save()
    file = nbformat.read(folder / "first.ipynb", as_version=4)
    (output,) = file.cells[0].outputs
    return dict(output.data)


def rows(html: str) -> int:
    """How many trials the saved table tells as finished."""
    # A trial has a number where a baseline has a name.
    trials = re.findall(r"<tr><th[^>]*>\d+</th>.*", html)
    return sum(bool(re.search(r">(?:completed|stopped)</td>", row)) for row in trials)


def test_a_saved_notebook_tells_all_without_a_kernel(
    open_notebook: Open, folder: Path
) -> None:
    notebook = open_notebook(QUICK)
    notebook.run("cell-0")
    until_points(notebook, 0)
    # In the middle of the search the file holds what had happened by then ...
    notebook.until("c[0].outputs[0].data['image/png']")
    picture = base64.b64decode(saved(notebook, folder)["image/png"])
    assert picture.startswith(b"\x89PNG")
    # ... and at its end everything.
    expect(notebook.view().locator(".automl-title")).to_contain_text(
        "completed", timeout=120_000
    )
    notebook.until("c[0].outputs[0].data['text/html'].includes('completed,')")
    data = saved(notebook, folder)
    assert rows(data["text/html"]) == 3
    assert "3 of 3 trials" in data["text/html"]
    assert base64.b64decode(data["image/png"]) != picture

    notebook.call("await p.sessionContext.shutdown()")
    for _ in range(2):
        expect(notebook.view()).to_have_count(0)
        shown = notebook.output("cell-0")
        expect(shown.locator("img")).to_be_visible()
        # Three trials, three baselines, and what became of their ensemble.
        expect(shown.locator("tbody tr")).to_have_count(7)
        expect(shown.get_by_text("Error displaying widget")).to_have_count(0)
        notebook.page.reload()
        notebook.settle(kernel=False)

    html, _ = HTMLExporter().from_filename(str(folder / "first.ipynb"))
    assert rows(html) == 3
    assert "data:image/png;base64," in html


def test_a_page_that_comes_back_repairs_what_was_saved(
    open_notebook: Open, folder: Path
) -> None:
    notebook = open_notebook(QUICK, "run.wait().status")
    notebook.run("cell-0")
    until_points(notebook, 0)
    assert rows(saved(notebook, folder)["text/html"]) < 3
    notebook.page.goto("about:blank")
    # Nobody looks while the search comes to its end: another page asks the kernel.
    other = open_notebook()
    other.run("cell-1")
    other.until("c[0].outputs[0].data['text/html'].includes('3 of 3 trials')")
    assert rows(saved(other, folder)["text/html"]) == 3


def test_a_tab_in_the_background_goes_on_and_the_end_is_told(
    open_notebook: Open, folder: Path
) -> None:
    notebook = open_notebook(QUICK)
    notebook.run("cell-0")
    until_points(notebook, 0)
    notebook.page.evaluate("jupyterapp.commands.execute('launcher:create')")
    expect(notebook.view()).to_be_hidden()
    notice = notebook.page.locator(".Toastify__toast", has_text="completed")
    expect(notice).to_be_visible(timeout=120_000)
    expect(notice).to_have_count(1)
    notebook.until("c[0].outputs[0].data['text/html'].includes('3 of 3 trials')")
    assert rows(saved(notebook, folder)["text/html"]) == 3
    notebook.page.evaluate(
        """name => { const shell = jupyterapp.shell;
        const p = [...shell.widgets('main')].find(w => w.context?.path === name);
        shell.activateById(p.id); }""",
        notebook.path,
    )
    # Nothing was drawn meanwhile, and nothing is missing now.
    expect(notebook.view().locator(".automl-title")).to_contain_text("completed")
    trials = notebook.view().locator("tr[data-role='trial']")
    done = trials.filter(has_text="completed")
    expect(done).to_have_count(3)
