"""The page's side as it is declared, locked and installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import notebook_automl

ROOT = Path(__file__).parents[1]
BUILT = Path(notebook_automl.__file__).parent / "labextension" / "package.json"


def manifest() -> dict:
    return json.loads((ROOT / "labextension" / "package.json").read_text())


def test_kernel_and_page_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = {
        "pyproject.toml": project["version"],
        "package.json": manifest()["version"],
        "installed": version("notebook-automl"),
        "built": json.loads(BUILT.read_text())["version"],
    }
    assert len(set(versions.values())) == 1, versions


def test_a_lock_file_names_packages_and_no_place_to_get_them_from() -> None:
    locked = (ROOT / "labextension" / "yarn.lock").read_text()
    assert '"@jupyterlab/notebook@' in locked
    assert not re.findall(r"^.*(?:://|@file:|@link:).*$", locked, re.MULTILINE)


def test_every_jupyterlab_from_4_2_on_may_load_the_extension() -> None:
    # What it shares with JupyterLab stands in `dependencies`: an exact version there
    # would refuse all others.
    for name, wanted in manifest()["dependencies"].items():
        assert wanted.startswith("^"), f"{name}: {wanted}"
    labs = {
        name: wanted
        for name, wanted in manifest()["dependencies"].items()
        if name in ("@jupyterlab/application", "@jupyterlab/notebook")
    }
    assert set(labs.values()) == {"^4.2.0"}


def test_jupyterlab_lists_the_extension_as_good() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "jupyterlab.labextensions", "list"],
        capture_output=True,
        text=True,
        check=True,
    )
    told = re.sub(r"\x1b\[\d*m", "", listed.stdout + listed.stderr)
    ours = [line for line in told.splitlines() if "notebook-automl" in line]
    assert len(ours) == 1, told
    assert f"v{version('notebook-automl')} enabled OK" in ours[0]


def test_the_built_extension_has_all_that_it_names() -> None:
    built = json.loads(BUILT.read_text())["jupyterlab"]["_build"]
    assert (BUILT.parent / built["load"]).is_file()
    assert built["extension"] == "./extension"
    assert built["style"] == "./style"
