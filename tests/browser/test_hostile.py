"""Names and labels that would be scripts, were they not shown as texts."""

from __future__ import annotations

from lab import Open
from playwright.sync_api import expect
from test_view import until_points

EVIL = '<img src=x onerror="window.hacked = 1">'
CELL = f"""\
import pandas as pd
import notebook_automl as automl

evil = {EVIL!r}
df = automl.example("wine")[["alcohol", "ash", "cultivar"]]
df = df.rename(columns={{"ash": evil + "'\\"$x$\\u202e" + "w" * 300, "cultivar": evil}})
df[evil] = df[evil].map(lambda label: f"</script>{{evil}}{{label}}")
run = automl.Search(df, target=evil, trials=2, epochs=2, workers=1).start()
run"""


def test_no_script_runs_and_nothing_breaks(open_notebook: Open) -> None:
    notebook = open_notebook(
        CELL, "automl.Panel(df, target=evil)", "run.plot('parallel')"
    )
    notebook.run("cell-0")
    until_points(notebook, 0)
    expect(notebook.view().locator(".automl-title")).to_contain_text(
        "completed", timeout=120_000
    )
    notebook.output("cell-0")
    expect(notebook.view().get_by_text(EVIL).first).to_be_visible()
    notebook.run("cell-1")
    expect(notebook.panel().get_by_text("Search(df").first).to_be_visible()
    notebook.run("cell-2")
    notebook.until("c[2].outputs.length === 1 && c[2].outputs[0].data?.['image/png']")
    notebook.until("c[0].outputs[0].data['text/html'].includes('2 of 2 trials')")
    notebook.save()
    notebook.restart()
    expect(notebook.page.get_by_role("button", name="Attach")).to_be_visible()
    # Two trials, three baselines, the ensemble.
    expect(notebook.output("cell-0").locator("tbody tr")).to_have_count(6)
    assert notebook.page.evaluate("window.hacked") is None
    overflow = notebook.page.evaluate(
        """() => [...document.querySelectorAll('.jp-OutputArea-output')]
            .some(e => e.scrollWidth > e.clientWidth + 400)"""
    )
    assert not overflow
