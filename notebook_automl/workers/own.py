"""What a person brought of their own, as parts of a trial's program."""

from __future__ import annotations

import symtable
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from notebook_automl.errors import SearchError
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal
from notebook_automl.source.program import Program

if TYPE_CHECKING:
    from notebook_automl.workers.graph import Written
    from notebook_automl.workers.parts import Asked

_BALANCED = """\
def balanced(y_train):
    \"\"\"Rows of rarer classes count more: all classes weigh the same.\"\"\"
    counts = np.bincount({codes}, minlength={classes})
    return dict(enumerate(len(y_train) / ({classes} * np.maximum(counts, 1))))
"""


def defined(search: Mapping[str, Any]) -> Code:
    """The person's functions and classes; imports alone where packages have them.

    Args:
        search: The run's description.
    """
    own = search.get("own") or {"imports": (), "source": ""}
    return Code(tuple(own["imports"]), own["source"])


def joined(*parts: Code) -> Code:
    """Pieces of code one after the other.

    Args:
        *parts: The pieces.
    """
    imports = dict.fromkeys(line for part in parts for line in part.imports)
    source = "\n\n".join(part.source for part in parts if part.source)
    return Code(tuple(imports), source)


def loss_arguments(asked: Asked) -> Mapping[str, str]:
    """The arguments of `compile` that are the loss: the person's, or the task's.

    Args:
        asked: The run's description.
    """
    usual = asked.task.loss(asked.schema)
    loss = asked.search.get("loss")
    if loss is None:
        return usual
    arguments = {"loss": loss["code"]}
    if "loss_weights" in usual and loss["degree"]:
        # The learning rates fit targets of any unit where the loss grows with it.
        power = f"**{loss['degree']}" if loss["degree"] > 1 else ""
        arguments["loss_weights"] = f"1 / TARGET_STD{power}"
    return arguments


def min_delta(asked: Asked, usual: float) -> float:
    """How much less loss counts as progress; anything, if its unit is not known.

    Args:
        asked: The run's description.
        usual: For losses that stand near 1.
    """
    weighted = "loss_weights" in asked.task.loss(asked.schema)
    return 0.0 if weighted and "loss_weights" not in loss_arguments(asked) else usual


def callbacks(asked: Asked, written: Written, number: int) -> tuple[list[str], str]:
    """The person's callbacks.

    Args:
        asked: The run's description.
        written: What the search chose.
        number: The trial's.

    Returns:
        Entries of the list of callbacks, and the constants that they are given.
    """
    entries = [callback["code"] for callback in asked.search.get("callbacks") or []]
    constants = {"TRIAL": number, "VALUES": written.values}
    lines = [
        f"{name} = {literal(value)}\n"
        for name, value in constants.items()
        if any(name in entry for entry in entries)
    ]
    return entries, "".join(lines)


def weights(asked: Asked) -> tuple[Code, dict[str, str]]:
    """How much rows count in `fit`.

    Args:
        asked: The run's description.

    Returns:
        Statements before it, and its arguments.
    """
    if asked.schema.weight is not None:
        return Code(), {"sample_weight": "sample_weight_train"}
    given = asked.search.get("class_weight")
    if given is None:
        return Code(), {}
    if given == "balanced":
        classes = len(asked.schema.target.classes or ())
        two = "y_train[:, 0].astype(int)"
        codes = two if classes == 2 else "y_train.argmax(axis=1)"
        source = _BALANCED.format(codes=codes, classes=classes)
        code = Code(("import numpy as np",), source)
        return code, {"class_weight": "balanced(y_train)"}
    # By the codes of the classes, which stand behind.
    lines = "".join(
        f"    {code}: {literal(weight)},  # {literal(label)}\n"
        for code, (label, weight) in enumerate(given)
    )
    code = Code(source=f"CLASS_WEIGHT = {{\n{lines}}}\n")
    return code, {"class_weight": "CLASS_WEIGHT"}


def prepared(asked: Asked, prepare: Code) -> Code:
    """The prepare cell, with the weights of the training rows if there are any.

    Args:
        asked: The run's description.
        prepare: The task's own.
    """
    if asked.schema.weight is None:
        return prepare
    line = "sample_weight_train = sample_weight[train_rows]"
    return Code(prepare.imports, f"{prepare.source.rstrip()}\n{line}\n")


def check_apart(asked: Asked, text: Program) -> None:
    """Refuse names of the person's own that the rest of a program uses otherwise.

    Args:
        asked: The run's description.
        text: A program, or some of its cells.

    Raises:
        SearchError: With the names.
    """
    own = set((asked.search.get("own") or {}).get("names", ()))
    others = [cell.source for cell in text.cells if cell.id != "define"]
    others += [c.source for m in asked.metrics.values() for c in m.defined]
    rest = "\n\n".join(others)
    symbols = symtable.symtable(rest, "program", "exec").get_symbols()
    taken = own & {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    if taken:
        names = ", ".join(sorted(taken))
        raise SearchError(
            f"Expected functions, classes and constants of yours with names that the "
            f"program does not use itself, got {names}. Give them other names."
        )
