"""The live view: it obeys while a cell is busy, and survives reload and restart."""

from __future__ import annotations

import re
from pathlib import Path

from lab import Notebook, Open, theme
from playwright.sync_api import Locator, expect

import notebook_automl as automl

SLOW = """\
import numpy as np, pandas as pd
import notebook_automl as automl

noise = np.random.default_rng(0)
df = pd.DataFrame(noise.normal(size=(6000, 4)), columns=list("abcd"))
df["label"] = noise.choice(["yes", "no"], size=len(df))
run = automl.Search(df, target="label", minutes=30, epochs=8, workers=1).start()
run"""
BUSY = "import time\nfor _ in range(1200): time.sleep(0.1)"


def points(view: Locator) -> int:
    """How many epochs the view has."""
    host = view.locator("xpath=..")
    return int(host.get_attribute("data-points") or 0)


def until_points(notebook: Notebook, more_than: int) -> None:
    notebook.page.wait_for_function(
        """n => [...document.querySelectorAll('[data-points]')]
            .some(e => Number(e.dataset.points) > n)""",
        arg=more_than,
        timeout=120_000,
    )


def executing(notebook: Notebook, cell: str) -> bool:
    """Whether a cell runs."""
    return notebook.call(
        """const cell = p.content.widgets.find(w => w.model.id === a);
        return cell.model.executionState === 'running'
            || cell.inputArea.promptNode.textContent.includes('*')""",
        cell,
    )


def test_buttons_are_obeyed_while_a_cell_is_busy(open_notebook: Open) -> None:
    notebook = open_notebook(SLOW, BUSY)
    notebook.run("cell-0")
    view = notebook.view()
    until_points(notebook, 0)
    notebook.run("cell-1", wait=False)
    notebook.until(
        "p.sessionContext.session.kernel.status === 'busy'",
    )
    notebook.output("cell-0")

    def press(button: str, status: str) -> None:
        view.get_by_role("button", name=button, exact=True).click()
        expect(view.locator(".automl-title")).to_contain_text(status)
        assert executing(notebook, "cell-1")

    press("Pause", "paused")
    press("Resume", "running")
    view.get_by_label("How much to add").fill("5")
    view.get_by_role("button", name="Add", exact=True).click()
    expect(view.get_by_text("of 35:00")).to_be_visible()
    trials = view.locator("tr[data-role='trial']")
    expect(trials.filter(has_text="completed").first).to_be_visible(timeout=120_000)
    view.get_by_role("button", name="Insert code").click()
    expect(view.get_by_text("10 cells inserted")).to_be_visible()
    assert executing(notebook, "cell-1")
    view.get_by_role("button", name="Stop", exact=True).click()
    view.get_by_role("button", name="Stop now", exact=True).click()
    expect(view.locator(".automl-title")).to_contain_text("stopped")
    assert executing(notebook, "cell-1")
    # The end is told, wherever the person looks.
    expect(
        notebook.page.locator(".Toastify__toast", has_text="stopped")
    ).to_be_visible()
    notebook.call("await p.sessionContext.session.kernel.interrupt()")


def test_reload_and_restart_lose_nothing(open_notebook: Open, finished: str) -> None:
    notebook = open_notebook(finished)
    notebook.run("cell-0")
    until_points(notebook, 0)
    before = points(notebook.view())
    notebook.until("c[0].outputs[0].data['image/png']")
    notebook.save()

    notebook.reload()
    until_points(notebook, before - 1)
    assert points(notebook.view()) == before

    notebook.restart()
    attach = notebook.page.get_by_role("button", name="Attach")
    expect(attach).to_be_visible()
    expect(notebook.view()).to_have_count(0)
    expect(notebook.output("cell-0").locator("img")).to_be_visible()
    attach.click()
    expect(notebook.view()).to_be_visible()
    until_points(notebook, before - 1)
    assert points(notebook.view()) == before


def test_a_notebook_is_offered_where_the_model_is_kept(
    open_notebook: Open, finished: str, root: Path
) -> None:
    notebook = open_notebook(finished)
    notebook.run("cell-0")
    view = notebook.view()
    export = view.get_by_role("button", name="Export notebook")
    export.click()
    expect(view.get_by_text("Wrote ")).to_be_visible()
    notebook.save()
    run = automl.attach("wine", folder=str(root / "runs"))
    last = run.trial(run.state.ordered(run.metric, run.mode)[-1].number)
    model, content = last.folder.checkpoint, last.folder.checkpoint.read_bytes()
    model.unlink()
    try:
        notebook.reload()
        view.locator(f"tr[data-trial='{last.number}']").click()
        expect(export).to_have_attribute("aria-disabled", "true")
        expect(export).to_have_attribute("title", re.compile("insert its code"))
        expect(view.get_by_role("button", name="Insert code")).to_be_enabled()
    finally:
        model.write_bytes(content)


def test_both_themes_can_be_read(open_notebook: Open, finished: str) -> None:
    notebook = open_notebook(finished)
    notebook.run("cell-0")
    until_points(notebook, 0)
    for name in ("JupyterLab Dark", "JupyterLab Light"):
        theme(notebook.page, name)
        poor = notebook.page.evaluate(CONTRAST)
        assert not poor, f"{name}: {poor}"


# Texts whose contrast to what is behind them is below 4.5 (WCAG 2, level AA).
CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d');
  const rgba = text => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => {
    for (let n = node; n; n = n.parentElement) {
      const colour = rgba(getComputedStyle(n).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll('.automl *')) {
    const own = [...node.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    const box = node.getBoundingClientRect();
    if (!own || !box.width || getComputedStyle(node).visibility === 'hidden') continue;
    if (node.closest('[aria-disabled=true], .automl-hidden')) continue;
    const pair = [light(rgba(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) poor.push([node.className, node.textContent, ratio]);
  }
  return poor;
}"""
