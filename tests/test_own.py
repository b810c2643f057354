"""A person's own code travels as source, whole or not at all."""

from __future__ import annotations

import functools
import importlib
import linecache
from keyword import iskeyword
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live import quick

from notebook_automl import Search, SearchError
from notebook_automl.source.installed import is_installed
from notebook_automl.source.own import Belongings
from notebook_automl.source.program import Program, assemble
from notebook_automl.tasks._body import check_source
from notebook_automl.tasks._limits import check_space

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name != "taken" and not name.startswith("__") and not iskeyword(name)
)
CONSTANTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=5,
)
_cells = iter(range(10**9))


def cell(source: str, **variables: Any) -> dict[str, Any]:
    """Run a cell as a notebook does: its lines are kept, its names are global."""
    name = f"<ipython-input-{next(_cells)}>"
    lines = [f"{line}\n" for line in source.split("\n")]
    linecache.cache[name] = (len(source), None, lines, name)
    namespace = {"__name__": "__main__", **variables}
    exec(compile(source, name, "exec"), namespace)
    return namespace


def taken(*things: Any) -> Belongings:
    own = Belongings("metrics")
    for thing in things:
        own.take(thing)
    return own


def rerun(own: Belongings) -> dict[str, Any]:
    """What the source defines in a fresh namespace."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("\n".join([*own.code.imports, own.code.source]), namespace)
    return namespace


@given(NAMES, CONSTANTS)
def test_constants_come_along_by_their_names(name: str, value: Any) -> None:
    own = taken(cell(f"def taken():\n    return {name}", **{name: value})["taken"])
    got = rerun(own)["taken"]()
    assert got == value and type(got) is type(value)


def test_functions_classes_imports_and_aliases_come_along() -> None:
    source = '''\
import math
from math import floor as down
import numpy as np

SCALE = np.float64(2.5)

def helper(value):
    return down(value * SCALE)

other = helper

def again(value, depth=0):
    """Calls itself."""
    return value if depth == 3 else again(other(value), depth + 1)

class Base:
    offset = math.pi

    def shift(self, value):
        return value + self.offset

class Mine(Base):
    @property
    def shifted(self):
        return self.shift(again(1)) + np.ones(1)[0]
'''
    namespace = cell(source)
    own = taken(namespace["Mine"])
    assert rerun(own)["Mine"]().shifted == namespace["Mine"]().shifted
    assert set(own.code.imports) == {
        "import math",
        "import numpy as np",
        "from math import floor as down",
    }
    assert own.names[-1] == "Mine"


def test_the_notebooks_own_modules_are_read_as_source() -> None:
    """This file is in no installed package: a worker could not import it."""
    own = taken(twice)
    assert rerun(own)["twice"](4) == 11
    assert own.names == ("ADDED", "once", "twice")


ADDED = 3


def once(value: int) -> int:
    return value + ADDED


def twice(value: int) -> int:
    # A comment with "quotes" stays.
    return once(value) + once(1)


def closing(factor: float) -> Any:
    def inner(value: float) -> float:
        return value * factor

    return inner


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def taken(): return df.sum()", "'df' is something else, got .*DataFrame"),
        ("def taken(): return weights * 2", "'weights' is something else"),
        ("def taken(): return missing(1)", "Define missing in a cell"),
        ("def taken(): display(1)", "Define display in a cell"),
        ("taken = lambda: 1", "a function with a name"),
        ("def taken(): return long", "fits into code"),
        ("def taken(): return long[0]", "fits into code"),
        (
            'def taken():\n    return """\n# %% train\nimport os\n"""',
            "begins with '# %%'",
        ),
    ],
)
def test_what_cannot_be_source_is_refused_by_its_name(source: str, said: str) -> None:
    frame, weights = pd.DataFrame({"a": [1]}), np.ones(3)
    namespace = cell(source, df=frame, weights=weights, long=list(range(10_000)))
    with pytest.raises(SearchError, match=said) as refused:
        taken(namespace["taken"])
    assert refused.value.field == "metrics"


def test_a_closure_is_refused_by_what_it_closes_over() -> None:
    with pytest.raises(SearchError, match="closes over 'factor'"):
        taken(closing(2.0))


def test_two_functions_of_one_name_are_refused() -> None:
    first = cell("def taken(): return 1")["taken"]
    second = cell("def taken(): return 2")["taken"]
    with pytest.raises(SearchError, match="one definition of 'taken'"):
        taken(first, second)


def test_source_that_is_gone_is_refused() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def taken(): return 1", namespace)
    with pytest.raises(SearchError, match="that can be read"):
        taken(namespace["taken"])


def test_a_comment_is_never_read_as_the_next_cell() -> None:
    source = "def taken(value):\n# %% train\n    return value\n"
    code = taken(cell(source)["taken"]).code
    program = assemble({"setup": code, "define": code, "train": code}, {})
    again = Program.from_text(program.to_text())
    assert [part.id for part in again.cells] == ["setup", "define", "train"]


def measured(y_true: Any, y_pred: Any) -> Any:
    return y_true - y_pred


class NoCallback:
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Does not derive from Keras's."""


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("mode", {"metric": measured}),
        ("mode", {"mode": "up"}),
        ("mode", {"metric": "accuracy", "mode": "min"}),
        ("loss", {"loss": "hubber"}),
        ("loss", {"loss": "categorical_hinge(delta=2)"}),
        ("loss", {"loss": 3}),
        ("loss", {"loss": closing(1.0)}),
        ("metrics", {"metrics": [NoCallback]}),
        ("metrics", {"metrics": ["acuracy"]}),
        ("callbacks", {"callbacks": [NoCallback]}),
        ("callbacks", {"callbacks": NoCallback()}),
        ("callbacks", {"callbacks": "ReduceLROnPlato"}),
        ("callbacks", {"callbacks": functools.partial(measured, y_pred=np.ones(2))}),
        ("class_weight", {"class_weight": {"class_9": 2}}),
        ("class_weight", {"class_weight": {"class_0": -1}}),
        ("class_weight", {"class_weight": "balance"}),
        ("class_weight", {"class_weight": "balanced", "sample_weight": "hue"}),
        ("sample_weight", {"sample_weight": "hew"}),
        ("sample_weight", {"sample_weight": [1.0, 2.0]}),
        ("sample_weight", {"sample_weight": np.full(178, -1.0)}),
        ("sample_weight", {"sample_weight": np.full(178, np.nan)}),
        ("graph", {"graph": "x = "}),
        ("graph", {"graph": ""}),
        ("graph", {"graph": 3}),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(
    field: str, options: dict[str, Any], tmp_path: Any
) -> None:
    with pytest.raises(SearchError) as refused:
        Search(quick(), target="label", folder=str(tmp_path), **options).start()
    assert refused.value.field == field
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", ["hubber", "ReduceLROnPlato", "class_9", "hew"])
def test_the_nearest_name_is_told(wrong: str, tmp_path: Any) -> None:
    right = {"hubber": "huber", "class_9": "class_0", "hew": "hue"}
    fields: dict[str, Any] = {
        "hubber": {"loss": wrong},
        "ReduceLROnPlato": {"callbacks": wrong},
        "class_9": {"class_weight": {wrong: 2}},
        "hew": {"sample_weight": wrong},
    }
    near = right.get(wrong, "ReduceLROnPlateau")
    with pytest.raises(SearchError, match=f"Did you mean '{near}'"):
        Search(quick(), target="label", folder=str(tmp_path), **fields[wrong]).start()


@given(st.text())
def test_no_text_is_ever_executed_as_a_graph_here(text: str) -> None:
    """It is parsed, and either taken or refused with the field."""
    try:
        check_source(text)
    except SearchError as error:
        assert error.field == "graph"


def test_a_graph_with_effects_has_none_in_the_kernel(tmp_path: Any) -> None:
    effect = tmp_path / "effect"
    check_source(f"open({str(effect)!r}, 'w')")
    assert not effect.exists()
    assert check_space({"a": "__import__('os')"}) == {"a": "__import__('os')"}


def test_installed_is_what_processes_find_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "found_later.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("found_later")
    assert not is_installed("found_later")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert is_installed("found_later")
