"""One server and one browser for all; a folder, a notebook and a page a test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Notebook, Open, launch, server, write_notebook
from playwright.sync_api import Browser, sync_playwright

import notebook_automl as automl


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="session")
def lab(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(root, tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.fixture
def folder(root: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of the test's own on the server."""
    folder = root / re.sub(r"\W+", "-", request.node.name)[:60]
    folder.mkdir()
    return folder


@pytest.fixture
def open_notebook(browser: Browser, lab: str, folder: Path) -> Iterator[Open]:
    """Opens notebooks with the given cells; no page may have raised an error."""
    opened = []

    def opens(*sources: str, **options: object) -> Notebook:
        path = folder / "first.ipynb"
        if sources:
            write_notebook(path, *sources)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        where = f"{folder.name}/{path.name}"
        opened.append(Notebook(page, lab, where, **options))
        return opened[-1]

    yield opens
    errors = [error for notebook in opened for error in notebook.errors]
    for notebook in opened:
        notebook.page.close()
    assert not errors


@pytest.fixture(scope="session")
def finished(root: Path) -> str:
    """A real run that is over; gives the code that attaches to it."""
    df = automl.example("wine")
    folder = str(root / "runs")
    fields = {"trials": 3, "epochs": 4, "workers": 1, "name": "wine"}
    run = automl.Search(df, target="cultivar", folder=folder, **fields).start()
    assert run.wait().status == "completed"
    return f"""\
import notebook_automl as automl

df = automl.example("wine")
run = automl.attach("wine", folder={folder!r})
run"""
