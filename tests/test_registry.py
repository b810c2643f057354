"""Rooms over a real package and a real installed entry point; and error messages."""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from notebook_automl import errors
from notebook_automl._registry import Room
from notebook_automl.errors import AutoMLError, UnknownNameError, nearest, received


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A package with two plugins, a private file and one that lacks its PLUGIN.

    Somebody else's distribution adds three.
    """
    files = {
        "toys/__init__.py": "",
        "toys/_base.py": "raise RuntimeError('private files are never imported')",
        "toys/image_classification.py": "PLUGIN = 'image'",
        "toys/random.py": "import random\nPLUGIN = random.__name__",
        "toys/broken.py": "",
        "theirs.py": "PLUGIN = 'audio'",
        "theirs-1.0.dist-info/METADATA": "Name: theirs\nVersion: 1.0\n",
        "theirs-1.0.dist-info/entry_points.txt": (
            "[toys]\naudio = theirs\ndirect = theirs:PLUGIN\nrandom = theirs\n"
        ),
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    yield Room("toys", kind="toy", field="task")
    for module in [name for name in sys.modules if name.split(".")[0] == "toys"]:
        del sys.modules[module]
    sys.modules.pop("theirs", None)


def test_names_are_files_and_entry_points_and_import_nothing(room: Room) -> None:
    names = ("audio", "broken", "direct", "image_classification", "random")
    assert room.names() == names
    assert not {f"toys.{name}" for name in names} & set(sys.modules)
    assert "theirs" not in sys.modules


def test_a_plugin_is_imported_when_it_is_asked_for(room: Room) -> None:
    assert room.get("image_classification") == "image"
    assert room.get("audio") == room.get("direct") == "audio"
    assert "toys.random" not in sys.modules
    assert room.get("random") == "random"  # ours, which saw Python's own random


@pytest.mark.parametrize("name", ["imge", "Image-Classification", "image"])
def test_a_slip_names_the_nearest_and_all(room: Room, name: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        room.get(name)
    assert str(caught.value) == (
        f"Expected the name of a toy, got {name!r} (str). "
        "Did you mean 'image_classification'? "
        "There are: audio, broken, direct, image_classification, random."
    )
    assert caught.value.field == "task"


@pytest.mark.parametrize("name", ["_base", "", "a.b", 3, None, ["random"]])
def test_what_is_no_name_is_unknown(room: Room, name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"of a toy, got .* There are: audio"):
        room.get(name)


def test_a_file_without_a_plugin_says_what_to_write(room: Room) -> None:
    with pytest.raises(AutoMLError, match=r"toys\.broken is no toy.*PLUGIN = \.\.\."):
        room.get("broken")


ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, AutoMLError)
]


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_crosses_processes_with_its_field(kind: type[AutoMLError]) -> None:
    error = pickle.loads(pickle.dumps(kind("what came", field="target")))
    assert type(error) is kind
    assert (str(error), error.field) == ("what came", "target")
    assert kind("no field").field is None


def test_the_holder_crosses_processes() -> None:
    error = errors.RunHeldError("held", host="here", pid=7)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.host, copy.pid) == ("here", 7)


def test_the_tree_is_the_docstring() -> None:
    tree = errors.__doc__ or ""
    assert all(kind.__name__ in tree for kind in ERRORS)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("speices", " Did you mean 'species'?"),
        ("SPECIES", " Did you mean 'species'?"),
        ("petal width", " Did you mean 'petal_width_cm'?"),
        ("1", " Did you mean 1?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_nearest(name: str, answer: str) -> None:
    assert nearest(name, ["species", "petal_width_cm", "petal_length_cm", 1]) == answer
    assert nearest(name, []) == ""


def test_received_says_value_and_type_on_one_short_line() -> None:
    assert received("abc") == "got 'abc' (str)"
    assert received(None) == "got None (NoneType)"
    assert len(received("x" * 10_000)) < 80
    assert len(received([["x" * 99] * 99] * 99)) < 1000

    class Table:
        def __repr__(self) -> str:
            return "a\n  b"

    assert received(Table()) == "got a b (Table)"
