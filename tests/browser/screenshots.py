"""Takes the README's pictures from a real JupyterLab: `make screenshots`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from lab import Notebook, launch, server, theme, write_notebook
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

OUT = Path(__file__).parents[2] / "notebooks" / "screenshots"
DATA = """\
import notebook_automl as automl

df = automl.example("wine")"""
_COLOURS = 128


def main() -> None:
    """Go through a day's work and take a picture of each step."""
    OUT.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        server(Path(root), Path(home)) as url,
        sync_playwright() as playwright,
    ):
        write_notebook(Path(root, "wine.ipynb"), DATA, "automl.Panel(df)")
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1180, "height": 1060})
        notebook = Notebook(page, url, "wine.ipynb")
        page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
        take_all(notebook)
        browser.close()


def take_all(notebook: Notebook) -> None:
    """Form, live view, dark theme, inserted cells, the saved notebook."""
    page, view = notebook.page, notebook.view()
    notebook.run("cell-0")
    notebook.run("cell-1")
    target = notebook.panel().get_by_label("Target")
    option = target.locator("option", has_text="cultivar")
    target.select_option(label=option.inner_text())
    notebook.until("c.length === 3")
    expect(notebook.panel().get_by_text("In the cell below")).to_be_visible()
    take(page, "panel")

    notebook.panel().get_by_role("button", name="Start", exact=True).click()
    cell = notebook.cells()[2]["id"]
    expect(view).to_be_visible()
    rows = view.locator("tr[data-role='trial']").filter(has_text="completed")
    expect(rows.nth(4)).to_be_visible(timeout=180_000)
    to_top(notebook, cell)
    take(page, "live_view")
    theme(page, "JupyterLab Dark")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    to_top(notebook, cell)
    take(page, "dark_theme")
    theme(page, "JupyterLab Light")

    view.get_by_role("button", name="Insert code").click()
    expect(view.get_by_text("10 cells inserted")).to_be_visible()
    to_top(notebook, notebook.cells()[5]["id"])
    take(page, "inserted_cells")
    to_top(notebook, cell)

    for _ in range(2):
        view.get_by_role("button", name="Stop").click()
        page.wait_for_timeout(500)
    expect(view.locator(".automl-title")).to_contain_text("stopped")
    notebook.until("c[2].outputs[0].data['text/html'].includes('stopped,')")
    notebook.save()
    notebook.call("await p.sessionContext.shutdown()")
    expect(notebook.output(cell).locator("img")).to_be_visible()
    to_top(notebook, cell)
    take(page, "saved_notebook")


def to_top(notebook: Notebook, cell: str) -> None:
    """Scroll a cell to the upper edge."""
    index = [found["id"] for found in notebook.cells()].index(cell)
    notebook.call("await p.content.scrollToItem(a);", index)
    notebook.call("p.content.widgets[a].node.scrollIntoView({block: 'start'});", index)
    notebook.page.mouse.move(5, 5)
    notebook.page.wait_for_timeout(1500)


def take(page: Page, name: str) -> None:
    """Write a picture of few colours, which a repository can hold."""
    path = OUT / f"{name}.png"
    page.screenshot(path=str(path))
    Image.open(path).convert("RGB").quantize(_COLOURS).save(path, optimize=True)
    sys.stdout.write(f"{path.name}: {path.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    main()
