"""Insert code: below the run, undone at once, replaced, edits kept, and it runs."""

from __future__ import annotations

from lab import Notebook, Open
from playwright.sync_api import expect

PARTS = [
    "heading",
    *("setup", "load", "split", "prepare", "build", "compile", "train"),
    *("evaluate", "predict"),
]


def ours(notebook: Notebook) -> list[dict]:
    """The inserted cells, in order."""
    return [c for c in notebook.cells() if "notebook_automl" in c["metadata"]]


def insert(notebook: Notebook, said: str) -> None:
    notebook.output("cell-0")
    notebook.view().get_by_role("button", name="Insert code").click()
    expect(notebook.view().get_by_text(said)).to_be_visible()


def test_inserted_cells_are_undone_replaced_kept_and_run(
    open_notebook: Open, finished: str
) -> None:
    notebook = open_notebook(finished, "'the cell after'")
    notebook.run("cell-0")
    insert(notebook, "10 cells inserted")
    cells = notebook.cells()
    assert cells[0]["id"] == "cell-0" and cells[-1]["id"] == "cell-1"
    assert [c["metadata"]["notebook_automl"]["part"] for c in cells[1:-1]] == PARTS
    assert all("notebook-automl" in c["metadata"]["tags"] for c in cells[1:-1])

    notebook.call("p.model.sharedModel.undo()")
    assert [c["id"] for c in notebook.cells()] == ["cell-0", "cell-1"]

    insert(notebook, "10 cells inserted")
    before = ours(notebook)
    train = next(c for c in before if "model.fit" in c["source"])
    mine = train["source"] + "\n# mine"
    notebook.call(
        "p.model.sharedModel.cells.find(c => c.id === a[0]).setSource(a[1])",
        [train["id"], mine],
    )
    rows = notebook.view().locator("tr[data-role='trial']")
    rows.filter(has_text="completed").last.click()
    insert(notebook, "9 replaced, 1 that you edited kept")
    after = ours(notebook)
    assert [c["id"] for c in after] == [c["id"] for c in before]
    assert next(c for c in after if c["id"] == train["id"])["source"] == mine

    for cell in after:
        if cell["type"] == "code":
            notebook.run(cell["id"])
    outputs = [o for c in ours(notebook) for o in c["outputs"]]
    assert not [o for o in outputs if o["output_type"] == "error"]
    printed = "".join("".join(o.get("text", "")) for o in outputs)
    assert "'accuracy'" in printed
    # Another trial's code does not stand above the outputs of this one.
    before = {c["id"]: c for c in ours(notebook)}
    notebook.output("cell-0")
    rows.filter(has_text="completed").first.click()
    insert(notebook, "9 replaced, 1 that you edited kept")
    new = [c for c in ours(notebook) if c["source"] != before[c["id"]]["source"]]
    assert [c["outputs"] for c in new if c["type"] == "code"] != []
    assert not any(c["outputs"] for c in new)


def test_python_and_magic_insert_below_their_own_cell(
    open_notebook: Open, finished: str
) -> None:
    notebook = open_notebook(
        finished.removesuffix("\nrun"),
        'run.export("cells")',
        "%load_ext notebook_automl\n%automl export cells",
    )
    notebook.run("cell-0")
    notebook.run("cell-1")
    ids = [c["id"] for c in notebook.cells()]
    assert ids[:2] == ["cell-0", "cell-1"] and ids[-1] == "cell-2"
    assert len(ids) == 3 + len(PARTS)
    (told,) = notebook.cell("cell-1")["outputs"]
    assert "10 cells inserted" in told["data"]["text/plain"]
    notebook.run("cell-2")
    assert [c["id"] for c in notebook.cells()] == ids
    assert "10 replaced" in notebook.cell("cell-2")["outputs"][0]["data"]["text/plain"]


def test_two_tabs_on_one_kernel_insert_once(open_notebook: Open, finished: str) -> None:
    first = open_notebook(finished)
    first.run("cell-0")
    first.save()
    second = open_notebook()
    expect(second.view()).to_be_visible()
    kernels = [
        n.call("return p.sessionContext.session.kernel.id") for n in (first, second)
    ]
    assert kernels[0] == kernels[1]
    insert(second, "10 cells inserted")
    assert sorted(len(ours(n)) for n in (first, second)) == [0, len(PARTS)]
