"""The rows of each set as code, by scikit-learn's own splitters."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from notebook_automl.errors import SearchError
from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.tasks._task import Split, split_sizes

_FROM = "from sklearn.model_selection import "
_DRAW = '''\
def draw(splitter, rows):
    """Two sets of rows; no group is in both."""
    first, second = next(splitter.split(rows, {given}, groups[rows]))
    return rows[first], rows[second]


'''
_CHECK = """\
for part in {parts}:
    if len(np.unique({labels}[part])) < len(np.unique({labels})):
        raise ValueError(
            "Expected every class among the rows to train on, got "
            f"{{len(np.unique({labels}[part]))}} of {{len(np.unique({labels}))}}. "
            "Bring more rows of the rare ones, or try another SEED."
        )
"""


def plan_split(schema: Schema, search: Mapping[str, Any], classes: int) -> Split:
    """How a search keeps rows from training.

    Args:
        schema: The data.
        search: What was asked for: shares, folds.
        classes: Classes that each set must be able to hold; 1 for numbers.

    Raises:
        SearchError: There are too few rows, or groups, for that.
    """
    shares = search["validation_split"], search["test_split"]
    folds = search.get("folds") or 0
    groups = _values(schema, "group", "groups")
    times = _values(schema, "time", "times")
    if not (any(schema.own) or folds or groups or times):
        return split_sizes(schema, *shares, classes)
    rows = schema.rows - sum(schema.own)
    whole = schema.groups if groups else rows
    validation, test = (max(1, round(whole * share)) for share in shares)
    split = Split(
        validation_rows=0 if schema.own[0] or folds else validation,
        test_rows=0 if schema.own[1] else test,
        rows=schema.rows,
        own=schema.own,
        folds=folds,
        groups=groups,
        group_count=schema.groups,
        times=times,
    )
    _check_enough(split, whole, "groups" if groups else "rows", classes)
    drawn = not (groups or times or any(schema.own))
    if folds and drawn and classes > 1 and schema.target.classes:
        _check_folds(schema, split)
    return split


def split_code(split: Split, labels: str, stratified: bool) -> Code:
    """Code that leaves `train_rows`, `validation_rows` and `test_rows`.

    With folds it leaves `rows`, of which each fold trains on some, `test_rows`, and
    `folds`, a pair of training and validation rows each.

    Args:
        split: Row counts.
        labels: Expression with one value a row.
        stratified: Whether each set has the classes in equal shares; `labels` are then
            their codes.
    """
    if not (any(split.own) or split.folds or split.groups or split.times):
        return _holdout(split, labels, stratified)
    lines = [
        f"{name} = {values}\n"
        for name, values in (("groups", split.groups), ("times", split.times))
        if values and values != name
    ]
    test, first = _test(split, labels, stratified)
    validation, second = _validation(split, labels, stratified)
    names = sorted({name for name in (first, second) if name})
    source = "".join([*lines, test, validation])
    if "draw(" in source:
        given = f"{labels}[rows]" if stratified else None
        source = _DRAW.format(given=given) + source
    if stratified:
        parts = "[part for part, _ in folds]" if split.folds else "[train_rows]"
        source += _CHECK.format(parts=parts, labels=labels)
    imports = [f"{_FROM}{name}" for name in names]
    return Code(("import numpy as np", *imports), source)


def _holdout(split: Split, labels: str, stratified: bool) -> Code:
    """Three sets, shuffled."""
    shares = ", each class in equal shares" if stratified else ""
    first = f"\n    stratify={labels}," if stratified else ""
    second = f"\n    stratify={labels}[train_rows]," if stratified else ""
    return Code(
        imports=("import numpy as np", f"{_FROM}train_test_split"),
        source=f"""\
# Shuffled{shares}: train, validation, test.
train_rows, test_rows = train_test_split(
    np.arange(len({labels})),
    test_size={split.test_rows},
    random_state=SEED,{first}
)
train_rows, validation_rows = train_test_split(
    train_rows,
    test_size={split.validation_rows},
    random_state=SEED,{second}
)
""",
    )


def _test(split: Split, labels: str, stratified: bool) -> tuple[str, str]:
    """What leaves `rows` and `test_rows`, and the splitter that it needs."""
    count, own = split.rows - sum(split.own), split.own[1]
    rows = f"np.arange({count})"
    if split.times:
        slice_ = f"[:{count}]" if any(split.own) else ""
        rows = f'np.argsort(times{slice_}, kind="stable")'
    if own:
        last = f"np.arange({split.rows - own}, {split.rows})"
        return (
            "# The test rows are a set of their own, behind all others.\n"
            f"rows, test_rows = {rows}, {last}\n",
            "",
        )
    if split.times:
        return (
            "# In order of time: the last rows are for the test.\n"
            f"rows = {rows}\n"
            f"rows, test_rows = rows[:-{split.test_rows}], rows[-{split.test_rows}:]\n"
        ), ""
    if split.groups:
        splitter = _of_groups(split.test_rows, split.group_count, stratified)
        return f"rows, test_rows = draw({splitter}, {rows})\n", splitter.partition("(")[
            0
        ]
    return _drawn("rows, test_rows", rows, split.test_rows, labels, stratified, count)


def _validation(split: Split, labels: str, stratified: bool) -> tuple[str, str]:
    """What leaves `train_rows` and `validation_rows`, or `folds`."""
    if split.folds:
        splitter = _of_folds(split, stratified)
        told = "are training rows of the others"
        if split.times:
            told = "come after its training rows"
        return (
            f"# Each fold's validation rows {told}.\n"
            f"splitter = {splitter}\n"
            "folds = [\n"
            "    (rows[train], rows[validation])\n"
            "    for train, validation in splitter.split("
            f"{', '.join(_given(split, labels, stratified))})\n"
            "]\n"
        ), splitter.partition("(")[0]
    names = "train_rows, validation_rows"
    if split.own[0]:
        begin = split.rows - sum(split.own)
        last = f"np.arange({begin}, {begin + split.own[0]})"
        return (
            "# The validation rows, too, are a set of their own.\n"
            f"{names} = rows, {last}\n",
            "",
        )
    count = split.validation_rows
    if split.times:
        return (
            "# Those before are for validation.\n"
            f"{names} = rows[:-{count}], rows[-{count}:]\n"
        ), ""
    if split.groups:
        left = split.group_count - split.test_rows
        splitter = _of_groups(count, left, stratified)
        return f"{names} = draw({splitter}, rows)\n", splitter.partition("(")[0]
    return _drawn(names, "rows", count, labels, stratified, 0)


def _drawn(
    names: str, rows: str, count: int, labels: str, stratified: bool, first: int
) -> tuple[str, str]:
    """Two sets at random.

    Args:
        names: What they are called.
        rows: Expression for the rows to share out.
        count: Size of the second one.
        labels: As in `split_code`.
        stratified: As in `split_code`.
        first: How many rows there are if they are the first ones, else 0.
    """
    chosen = f"[:{first}]" if first else f"[{rows}]"
    kept = f", stratify={labels}{chosen}" if stratified else ""
    code = (
        f"{names} = train_test_split(\n"
        f"    {rows}, test_size={count}, random_state=SEED{kept}\n)\n"
    )
    return code, "train_test_split"


def _of_groups(count: int, whole: int, stratified: bool) -> str:
    """A splitter that draws so many of the groups."""
    if stratified:
        parts = max(2, round(whole / count))
        return f"StratifiedGroupKFold({parts}, shuffle=True, random_state=SEED)"
    return f"GroupShuffleSplit(1, test_size={count}, random_state=SEED)"


def _of_folds(split: Split, stratified: bool) -> str:
    """The splitter of folds."""
    count = split.folds
    if split.times:
        return f"TimeSeriesSplit({count})"
    if split.groups and not stratified:
        return f"GroupKFold({count})"
    kind = "StratifiedGroupKFold" if split.groups else "StratifiedKFold"
    return (
        f"{kind if stratified else 'KFold'}({count}, shuffle=True, random_state=SEED)"
    )


def _given(split: Split, labels: str, stratified: bool) -> list[str]:
    """What a splitter of folds is given: rows, their labels, their groups."""
    if split.times:
        return ["rows"]
    given = ["rows", f"{labels}[rows]" if stratified else "None"]
    if split.groups:
        return [*given, "groups[rows]"]
    return given if stratified else given[:1]


def _values(schema: Schema, role: str, name: str) -> str:
    """An expression for the groups or times of rows: a column, or an array."""
    if schema.names(role):
        return f"frame[{role.upper()}].to_numpy()"
    return name if role in schema.beside else ""


def _check_enough(split: Split, whole: int, unit: str, classes: int) -> None:
    """Refuse what leaves nothing to train on.

    Raises:
        SearchError: With the field to change.
    """
    need = split.test_rows + (split.folds or split.validation_rows)
    least = 0 if split.folds else 1 if split.groups else classes
    if whole - need < least:
        sets = f"{split.folds} folds" if split.folds else "validation"
        field = "folds" if split.folds else "validation_split"
        if split.groups and not split.folds:
            field = "group"
        raise SearchError(
            f"Expected {unit} enough for training, {sets} and test, got {whole} {unit} "
            f"of which {need} would be kept. Bring more {unit}, or type smaller shares "
            "or fewer folds.",
            field=field,
        )


def _check_folds(schema: Schema, split: Split) -> None:
    """Refuse folds that classes are too rare for, whatever the seed.

    Raises:
        SearchError: With the class that is.
    """
    pairs = zip(schema.target.classes or (), schema.target.counts or (), strict=True)
    left = [(n * (split.rows - split.test_rows) // split.rows, c) for c, n in pairs]
    # Each class is to be learned in every fold, and one class must reach them all.
    for (rows, label), least in (
        (min(left, key=itemgetter(0)), 2),
        (max(left, key=itemgetter(0)), split.folds),
    ):
        if rows < least:
            raise SearchError(
                f"Expected {least} rows or more of the class {label!r} "
                f"({type(label).__name__}) beside the test for {split.folds} folds, "
                f"got {rows}. Type fewer folds, or bring more rows of it.",
                field="folds",
            )
