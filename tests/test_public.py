"""The package's front door: what it names, and how little it costs to open."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import version

import pytest

import notebook_automl
from notebook_automl import errors

HEAVY = (
    "keras tensorflow jax torch autokeras keras_tuner optuna distributed dask pandas "
    "numpy pyarrow sklearn matplotlib"
).split()


def loaded_after(code: str, env: dict[str, str]) -> set[str]:
    """Modules of a fresh interpreter; -S keeps out what a site's files import."""
    told = f"import sys\nsys.path[:0] = {sys.path!r}\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", told],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def test_all_names_are_there() -> None:
    assert notebook_automl.__all__ == sorted(notebook_automl.__all__)
    for name in notebook_automl.__all__:
        assert getattr(notebook_automl, name).__name__ == name
    assert set(notebook_automl.__all__) < set(dir(notebook_automl))


def test_every_error_is_public() -> None:
    ours = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.AutoMLError)
    }
    assert ours <= set(notebook_automl.__all__)
    assert notebook_automl.SearchError is errors.SearchError


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Serach'"):
        notebook_automl.Serach  # noqa: B018
    assert not hasattr(notebook_automl, "__wrapped__")


def test_the_import_loads_nothing(env: dict[str, str]) -> None:
    before = loaded_after("", env)
    new = loaded_after("import notebook_automl", env) - before
    assert new == {"notebook_automl", "__future__"}


def test_the_public_names_load_nothing_heavy(env: dict[str, str]) -> None:
    code = "import notebook_automl as a\nfor name in a.__all__: getattr(a, name)"
    loaded = loaded_after(code, env)
    assert "notebook_automl.api.search" in loaded
    assert not loaded & {*HEAVY, "IPython"}


def test_the_faces_load_nothing_heavy(env: dict[str, str]) -> None:
    magics = loaded_after("import notebook_automl.ui.magics", env)
    cli = loaded_after("import notebook_automl.ui.cli", env)
    assert not (magics | cli) & set(HEAVY)
    assert "IPython" not in cli


def test_the_version_is_that_of_the_installed_package() -> None:
    assert notebook_automl.__version__ == version("notebook-automl")


def test_windows_is_told_about_wsl2(env: dict[str, str]) -> None:
    told = "import sys; sys.platform = 'win32'; import notebook_automl as a; a.Search"
    done = subprocess.run(
        [sys.executable, "-c", told], env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "inside WSL2" in done.stderr.splitlines()[-1]
