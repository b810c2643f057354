"""The data of `search.py`: scikit-learn's own sets, and two that any machine can make.

Nothing is downloaded. "glyphs" draws letters in the fonts that matplotlib ships;
"docstrings" asks which library a paragraph of documentation comes from.
"""

from __future__ import annotations

import importlib
import inspect
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

import notebook_automl as automl

SETS = ("digits", "glyphs", "breast_cancer", "wine", "diabetes", "docstrings")
_SHARE = 0.2
_LETTERS = "ABCDEFGHIJ"
_SIDE = 16
_DRAWN_LARGE = 4
_EACH_LETTER = 10
_MOST_TURN_DEGREES = 25
_LIBRARIES = ("numpy", "pandas", "sklearn", "matplotlib", "optuna")
_EACH_LIBRARY = 300
_PARAGRAPH_CHARACTERS = (80, 600)


@dataclass(frozen=True)
class Data:
    """One set.

    Args:
        name: As in `SETS`.
        kind: "image", "table" or "text".
        regression: Whether the target is a quantity.
        ours: What `Search` is given.
        target: The target's column, if what `Search` is given is a frame.
        x: The same for the peers, as arrays.
        y: Labels as texts, or numbers.
    """

    name: str
    kind: str
    regression: bool
    ours: Any
    target: str | None
    x: Any
    y: Any

    @property
    def metric(self) -> str:
        """What is compared, on validation and on test rows."""
        return "rmse" if self.regression else "accuracy"

    def split(self, seed: int) -> tuple[Any, Any, Any]:
        """The rows of train, validation and test: those that our programs draw."""
        rows, count = np.arange(len(self.y)), round(_SHARE * len(self.y))
        labels = None if self.regression else self.y
        rest, test = train_test_split(
            rows, test_size=count, random_state=seed, stratify=labels
        )
        train, validation = train_test_split(
            rest,
            test_size=count,
            random_state=seed,
            stratify=None if labels is None else labels[rest],
        )
        return train, validation, test


def load(name: str) -> Data:
    """Load or make a set.

    Args:
        name: As in `SETS`.
    """
    if name in ("glyphs", "docstrings"):
        x, y = _glyphs() if name == "glyphs" else _docstrings()
        kind = "image" if name == "glyphs" else "text"
        return Data(name, kind, False, (x, y), None, x, y)
    given = automl.example(name)
    if name == "digits":
        x, y = given
        return Data(name, "image", False, given, None, x, y.astype(str))
    target = given.columns[-1]
    regression = name == "diabetes"
    y = given[target].to_numpy("f8" if regression else str)
    x = given.drop(columns=target).to_numpy("f4")
    return Data(name, "table", regression, given, target, x, y)


def _glyphs() -> tuple[Any, Any]:
    """Letters, turned and moved a little: (samples, height, width) and labels."""
    from matplotlib import get_data_path
    from PIL import Image, ImageDraw, ImageFont

    draw = random.Random(0)
    fonts = sorted((Path(get_data_path()) / "fonts" / "ttf").glob("*.ttf"))
    plain = [
        f for f in fonts if re.match(r"DejaVu|STIXGeneral|cm(b|r|ss|tt)10", f.name)
    ]
    side, images, labels = _SIDE * _DRAWN_LARGE, [], []
    for path in plain:
        font = ImageFont.truetype(str(path), int(side * 0.7))
        for letter in _LETTERS:
            for _ in range(_EACH_LETTER):
                image = Image.new("L", (side, side))
                middle = [side / 2 + draw.uniform(-0.12, 0.12) * side for _ in "xy"]
                ImageDraw.Draw(image).text(
                    tuple(middle), letter, fill=255, font=font, anchor="mm"
                )
                turn = draw.uniform(-_MOST_TURN_DEGREES, _MOST_TURN_DEGREES)
                image = image.rotate(turn).resize((_SIDE, _SIDE))
                noise = np.random.default_rng(len(images)).normal(0, 25, (_SIDE, _SIDE))
                images.append(np.clip(np.asarray(image) + noise, 0, 255))
                labels.append(letter)
    return np.array(images, "uint8"), np.array(labels)


def _docstrings() -> tuple[Any, Any]:
    """Paragraphs of documentation, without the libraries' names, and the library."""
    texts, labels = [], []
    names = re.compile("|".join((*_LIBRARIES, "np", "pd", "plt", "scikit.learn")), re.I)
    for library in _LIBRARIES:
        found = sorted({names.sub("it", text) for text in _paragraphs(library)})
        random.Random(0).shuffle(found)
        texts += found[:_EACH_LIBRARY]
        labels += [library] * len(found[:_EACH_LIBRARY])
    return np.array(texts), np.array(labels)


def _paragraphs(library: str) -> list[str]:
    """The paragraphs in the docstrings of a library's public names."""
    package = importlib.import_module(library)
    modules = [package]
    for name in getattr(package, "__all__", dir(package)):
        member = getattr(package, name, None)
        if inspect.ismodule(member) and member.__name__.startswith(library):
            modules.append(member)
    if library == "sklearn":
        modules += [
            importlib.import_module(f"sklearn.{n}") for n in package.__all__[:20]
        ]
    if library == "matplotlib":
        modules += [
            importlib.import_module(f"matplotlib.{n}")
            for n in ("axes", "figure", "colors", "ticker", "patches", "text", "lines")
        ]
    least, most = _PARAGRAPH_CHARACTERS
    found = []
    for module in modules:
        for name, member in vars(module).items():
            if name[0] == "_" or not (inspect.isclass(member) or callable(member)):
                continue
            members = (
                [member, *vars(member).values()]
                if inspect.isclass(member)
                else [member]
            )
            for each in members:
                text = inspect.getdoc(each) if callable(each) else None
                for paragraph in (text or "").split("\n\n"):
                    line = " ".join(paragraph.split())
                    if least <= len(line) <= most and ">>>" not in line:
                        found.append(line)
    return found
