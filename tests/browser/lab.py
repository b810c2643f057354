"""A real JupyterLab or Notebook 7 in a real Chromium, driven through its own objects.

What makes it steady: JupyterLab's menus and toolbars are not clicked. The application
object of the page runs commands and reads the notebook's model, and what we wait for is
a condition, never a time. Only our own widgets are clicked.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
_APPS = {
    "lab": ("jupyterlab", "--LabApp.expose_app_in_browser=True"),
    "notebook": ("notebook", "--JupyterNotebookApp.expose_app_in_browser=True"),
}
# The panel of a notebook, wherever it is among the tabs.
_PANEL = """
(name => {
  const app = window.jupyterapp;
  const current = app.shell.currentWidget;
  if (current?.context?.path?.endsWith(name)) return current;
  return [...app.shell.widgets('main')].find(w => w.context?.path?.endsWith(name));
})
"""


def chromium() -> str:
    """Debian's Chromium, which the tests need."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert found, "Expected Chromium on the PATH, got none. Type make test."
    return found


def launch(playwright: Playwright) -> Browser:
    """Start a browser without a screen."""
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    return playwright.chromium.launch(executable_path=chromium(), args=arguments)


@contextlib.contextmanager
def server(root: Path, home: Path, app: str = "lab") -> Iterator[str]:
    """Start JupyterLab or Notebook 7 with settings of its own; gives its address."""
    for name, value in _SETTINGS.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))
    folders = {
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }
    env = os.environ | {name: str(home / folder) for name, folder in folders.items()}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    module, expose = _APPS[app]
    command = [
        *(sys.executable, "-m", module, "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
        *(f"--ServerApp.root_dir={root}", "--IdentityProvider.token="),
        *("--ServerApp.password=", expose),
    ]
    log = home / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=env
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/api/status", timeout=1)
            return
        time.sleep(0.1)
    raise AssertionError(f"no server came up:\n{log.read_text()[-3000:]}")


def write_notebook(path: Path, *sources: str) -> None:
    """A notebook with cells called cell-0, cell-1, ..."""
    notebook = nbformat.v4.new_notebook()
    for number, source in enumerate(sources):
        cell = nbformat.v4.new_code_cell(source, id=f"cell-{number}")
        notebook.cells.append(cell)
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


class Notebook:
    """A notebook in a page.

    Args:
        page: The browser's page.
        url: The server.
        path: The notebook, from the server's root.
        app: "lab" or "notebook".
        kernel: Whether to wait for its kernel.
    """

    def __init__(
        self, page: Page, url: str, path: str, app: str = "lab", kernel: bool = True
    ) -> None:
        self.page, self.url, self.path, self.app = page, url, path, app
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.open(reset=True, kernel=kernel)

    def open(self, reset: bool = False, kernel: bool = True) -> None:
        """Go to the notebook, and wait until it can be worked in."""
        place = "lab/tree" if self.app == "lab" else "notebooks"
        query = "?reset" * (reset and self.app == "lab")
        self.page.goto(f"{self.url}/{place}/{self.path}{query}")
        self.settle(kernel)

    def reload(self) -> None:
        """Load the page anew."""
        self.page.reload()
        self.settle()

    def settle(self, kernel: bool = True) -> None:
        """Wait until the notebook stands there, and its kernel."""
        page = self.page
        page.wait_for_function(
            f"name => window.jupyterapp?.shell && {_PANEL}(name)?.context?.isReady",
            arg=self.path,
            timeout=PATIENCE_MS,
        )
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=PATIENCE_MS)
        if kernel:
            self.call("await p.sessionContext.ready")
            self.call("await p.sessionContext.session.kernel.info")

    def call(self, body: str, argument: Any = None) -> Any:
        """Run JavaScript with the notebook's panel as `p` and an argument as `a`."""
        script = f"async ([name, a]) => {{ const p = {_PANEL}(name); {body} }}"
        return self.page.evaluate(script, [self.path, argument])

    def run(self, cell: str, wait: bool = True) -> None:
        """Run a cell by its id, as Ctrl-Enter does."""
        body = """
            p.content.activeCellIndex =
                p.model.sharedModel.cells.findIndex(c => c.id === a);
            p.content.deselectAll();
            const done = window.jupyterapp.commands.execute('notebook:run-cell');
        """
        self.call(body + ("await done;" if wait else "void done;"), cell)

    def cells(self) -> list[dict[str, Any]]:
        """All cells as they are in the model."""
        return self.call(
            """return p.model.sharedModel.cells.map(c => ({
                id: c.id, type: c.cell_type, source: c.getSource(),
                metadata: c.getMetadata(),
                outputs: c.cell_type === 'code' ? c.outputs : []}))"""
        )

    def cell(self, cell: str) -> dict[str, Any]:
        """One cell by its id."""
        return next(found for found in self.cells() if found["id"] == cell)

    def until(self, condition: str, argument: Any = None) -> None:
        """Wait until JavaScript over the panel `p`, its cells `c` and `a` is true."""
        self.page.wait_for_function(
            f"""([name, a]) => {{ const p = {_PANEL}(name);
                const c = p.model.sharedModel.cells; return {condition}; }}""",
            arg=[self.path, argument],
            timeout=PATIENCE_MS,
        )

    def append(self, source: str) -> str:
        """Add a code cell at the end; gives its id."""
        return self.call(
            """const s = p.model.sharedModel;
            return s.insertCell(s.cells.length, {cell_type: 'code', source: a}).id""",
            source,
        )

    def save(self) -> None:
        """Write the notebook to disk."""
        self.call("await p.context.save();")

    def restart(self) -> None:
        """Restart the kernel, without a question."""
        self.call(
            """const kernel = p.sessionContext.session.kernel; await kernel.restart();
            await kernel.info;"""
        )

    def output(self, cell: str) -> Locator:
        """What stands below a cell."""
        index = [found["id"] for found in self.cells()].index(cell)
        self.call("await p.content.scrollToItem(a);", index)
        return self.page.locator(
            f".jp-Cell[data-windowed-list-index='{index}'] .jp-OutputArea"
        )

    def view(self) -> Locator:
        """The live view that is on the page."""
        return self.page.locator(".automl-view")

    def panel(self) -> Locator:
        """The form that is on the page."""
        return self.page.locator(".automl-panel")


Open = Callable[..., Notebook]


def theme(page: Page, name: str) -> None:
    """Change the theme: "JupyterLab Dark" or "JupyterLab Light"."""
    page.evaluate(
        "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", name
    )
    page.wait_for_function(
        "name => document.body.dataset.jpThemeName === name", arg=name
    )
