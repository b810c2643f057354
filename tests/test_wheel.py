"""What a person gets with pip: the wheel, made and used where there is no Node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest
from ruff import find_ruff_bin

ROOT = Path(__file__).parents[1]
SHARE = "share/jupyter/labextensions/notebook-automl"
SEARCH = """
import notebook_automl as automl

run = automl.Search(
    automl.example("wine"), target="cultivar", trials=1, epochs=2, workers=1
).start()
run.wait()
print(automl.__file__, len(run.state.trials), run.status)
"""

pytestmark = pytest.mark.timeout(600)


def run(*command: object, **options: object) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )
    assert done.returncode == 0, done.stdout
    return re.sub(r"\x1b\[\d*m", "", done.stdout)


@pytest.fixture(scope="module")
def nodeless(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment without Node on its PATH, and without a user's own Jupyter."""
    empty = tmp_path_factory.mktemp("nodeless")
    return {**os.environ, "PATH": str(empty), "JUPYTER_DATA_DIR": str(empty)}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--outdir", out, ROOT)
    (archive,) = out.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheel(
    sdist: Path, nodeless: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Made from the sdist, with neither Node nor anything that brings one."""
    out = tmp_path_factory.mktemp("wheel")
    shutil.unpack_archive(sdist, out)
    source = out / sdist.name.removesuffix(".tar.gz")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", out, source]
    told = run(*build, env=nodeless)
    assert "hatchling" in told
    assert not re.search("jupyter-builder|nodejs|jlpm", told)
    (archive,) = out.glob("*.whl")
    return archive


@pytest.fixture(scope="module")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the wheel, whose dependencies are those of this environment."""
    place = tmp_path_factory.mktemp("fresh")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    scheme = {"base": str(place), "platbase": str(place)}
    site = Path(sysconfig.get_path("purelib", "venv", scheme))
    site.joinpath("heavy.pth").write_text(sysconfig.get_path("purelib") + "\n")
    place.joinpath("bin", "ruff").symlink_to(find_ruff_bin())
    pip = [sys.executable, "-m", "pip", "--python", python, "install"]
    run(*pip, "--no-deps", "--no-index", "--ignore-installed", wheel)
    return python


def test_the_sdist_holds_sources_and_assets(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {PurePosixPath(*Path(name).parts[1:]) for name in archive.getnames()}
    wanted = [
        "labextension/hatch_build.py",
        "labextension/src/index.ts",
        "labextension/yarn.lock",
        "notebook_automl/labextension/package.json",
        "notebook_automl/static/widget.js",
        "notebook_automl/static/sources.sha256",
    ]
    assert {PurePosixPath(name) for name in wanted} <= names
    unwanted = {"node_modules", ".yarn", "lib", "lib-tests", "__pycache__"}
    assert not [name for name in names if unwanted & set(name.parts)]


def test_the_wheel_holds_each_asset_once(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert names.count("notebook_automl/static/widget.js") == 1
    assert names.count("notebook_automl/static/widget.css") == 1
    assert "notebook_automl/static/sources.sha256" not in names
    assert sum(name.endswith(f"{SHARE}/install.json") for name in names) == 1
    assert sum(name.endswith(f"{SHARE}/package.json") for name in names) == 1
    built = [name for name in names if f"{SHARE}/static/" in name]
    assert len([name for name in built if "remoteEntry." in name]) == 1
    assert max(Counter(PurePosixPath(name).name for name in built).values()) == 1
    assert not [name for name in names if name.startswith("notebook_automl/labext")]
    assert not [name for name in names if name.startswith("labextension")]


def test_jupyterlab_finds_the_extension_of_the_wheel(
    fresh: Path, nodeless: dict[str, str]
) -> None:
    told = run(fresh, "-m", "jupyterlab.labextensions", "list", env=nodeless)
    assert re.search(r"notebook-automl v\S+ enabled OK \(python, notebook-auto", told)
    assert str(fresh.parents[1] / "share" / "jupyter" / "labextensions") in told


def test_a_search_runs_from_the_wheel(
    fresh: Path, nodeless: dict[str, str], tmp_path: Path
) -> None:
    told = run(fresh, "-c", SEARCH, env=nodeless, cwd=tmp_path)
    where, trials, status = told.strip().splitlines()[-1].split()
    assert Path(where).is_relative_to(fresh.parents[1])
    assert (trials, status) == ("1", "completed")
