"""Notebook 7 takes the same extension."""

from __future__ import annotations

from pathlib import Path

from lab import Notebook, server, write_notebook
from playwright.sync_api import Browser, expect
from test_view import BUSY, until_points


def test_view_cells_and_form_in_notebook_7(
    browser: Browser, root: Path, finished: str, tmp_path: Path
) -> None:
    write_notebook(root / "seven" / "first.ipynb", finished, "automl.Panel(df)", BUSY)
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    with server(root, tmp_path, "notebook") as url:
        notebook = Notebook(page, url, "seven/first.ipynb", app="notebook")
        before = list(notebook.errors)  # Notebook's own, at its start
        notebook.run("cell-0")
        until_points(notebook, 0)
        notebook.run("cell-1")
        expect(notebook.panel()).to_be_visible()
        notebook.run("cell-2", wait=False)
        notebook.until("p.sessionContext.session.kernel.status === 'busy'")
        notebook.output("cell-0")
        notebook.view().get_by_role("button", name="Insert code").click()
        expect(notebook.view().get_by_text("10 cells inserted")).to_be_visible()
        notebook.call("await p.sessionContext.session.kernel.interrupt()")
        notebook.save()
        notebook.restart()
        expect(page.get_by_role("button", name="Attach")).to_be_visible()
        assert notebook.errors == before
        page.close()
