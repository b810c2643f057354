"""A program that trains once as one that trains on each of several folds.

The cells become functions, because each fold prepares its own rows, builds its own
model and keeps nothing of another one's. Then the final model learns from the rows of
all folds, as many epochs as were best on average.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from textwrap import indent

from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal

_SETS = ("x_train", "y_train", "x_validation", "y_validation")
# A fold's columns need not be those of another one.
_SHAPE = re.compile(r"^(\s*(?:(\w+)_)?inputs = keras\.Input\()\([^()]*\)", re.MULTILINE)
_CURVES = """\


curves = [
    train_fold(*fold, epochs) for fold, epochs in zip(folds, EPOCHS, strict=False)
]
# Each fold counts with its best epoch.
best_epochs = [1 + int(np.{better}(curve["{objective}"])) for curve in curves]
validation_metrics = {{}}
for name in curves[0]:
    values = [
        curve[name][best - 1]
        for curve, best in zip(curves, best_epochs, strict=True)
    ]
    validation_metrics[name] = fmean(values)
    if name.startswith("val_"):
        validation_metrics[name + "_std"] = pstdev(values)
print(validation_metrics)
"""
_EVALUATE = """\
# The folds have chosen; the final model learns from the rows of all of them.
model = build_model({build})
compile_model({compile})
{fit}
model.save(CHECKPOINT)
test_metrics = model.evaluate(x_test, y_test, return_dict=True, verbose=0)
print({{**validation_metrics, **test_metrics}})
"""


def prepare_folds(prepare: Code) -> Code:
    """The prepare cell as a function of the rows, called for the final model.

    Args:
        prepare: What leaves the arrays of three sets, `prepare` and constants.
    """
    body = _without_test(prepare.source)
    names = ", ".join(returned(prepare))
    final = ", ".join(n.replace("_validation", "_test") for n in returned(prepare))
    source = f"""\
def prepare_sets(train_rows, validation_rows):
    \"\"\"Both sets as arrays, by what the training rows alone teach.\"\"\"
{indent(body.strip(), "    ")}
    return {names}


# What the final model learns from, and is tested on.
{final} = prepare_sets(rows, test_rows)
"""
    return Code(prepare.imports, source)


def returned(prepare: Code) -> tuple[str, ...]:
    """What a prepare cell leaves for the others: arrays, constants, `prepare`."""
    names = list(dict.fromkeys(_assigned(_without_test(prepare.source))))
    sets = [n for n in names if n.endswith(("_train", "_validation"))]
    gathered = sets[-1] in _SETS and len(sets) > len(_SETS)
    # Those of each input or output are in the dictionaries that stand last.
    others = [n for n in sets if n not in _SETS and not gathered]
    order = [*(n for n in _SETS if n in sets), *others]
    within = _used_within_functions(prepare.source)
    constants = [n for n in names if n.isupper() and n not in within]
    return (*order, *constants, "prepare")


def train_folds(
    parts: Mapping[str, Code],
    left: tuple[str, ...],
    objective: tuple[str, str],
    folds: int,
) -> dict[str, Code]:
    """The cells from build to evaluate as those of a program with folds.

    Args:
        parts: Those of a program that trains once.
        left: What `prepare_sets` returns.
        objective: The metric that decides ("val_accuracy"), and "max" or "min".
        folds: How many folds there are.

    Returns:
        Code of build, compile, train and evaluate.
    """
    build, compiled = parts["build"], parts["compile"]
    takes = _taken(build.source, left)
    needs = _taken(compiled.source, left)
    epochs, constants, functions, fit = _around_fit(parts["train"].source)
    compile_folds, last = _function_of_compile(compiled.source, needs)
    unpacked = ", ".join([*left[:-1], "_"])
    model = ", ".join(["model", *needs])
    train = f"""\
EPOCHS = [{", ".join([epochs] * folds)}]


def train_fold(train_rows, validation_rows, epochs):
    \"\"\"Learning curves of a fresh model.\"\"\"
    {unpacked} = prepare_sets(train_rows, validation_rows)
    model = build_model({", ".join(takes)})
    compile_model({model})
    return {_call(fit, epochs="epochs", callbacks="fresh_callbacks()")}.history
"""
    train += _CURVES.format(objective=objective[0], better=f"arg{objective[1]}")
    final = _call(
        fit,
        epochs="round(fmean(best_epochs))",
        validation_data=None,
        callbacks=last,
    )
    imports = ("import numpy as np", "from statistics import fmean, pstdev")
    return {
        "build": Code(build.imports, _function_of_build(build.source, takes)),
        "compile": Code(compiled.imports, constants + functions + compile_folds),
        "train": Code((*parts["train"].imports, *imports), train),
        "evaluate": Code(
            source=_EVALUATE.format(build=", ".join(takes), compile=model, fit=final)
        ),
    }


def score_folds(
    compiled: Code, fit: str, score: str, left: tuple[str, ...]
) -> dict[str, Code]:
    """The cells from compile to evaluate of a simple model that learns on each fold.

    Args:
        compiled: Code that leaves `scorer`.
        fit: Statements that let the model learn from `x_train` and `y_train`.
        score: Expression for its scores on `x_{0}` and `y_{0}`.
        left: What `prepare_sets` returns.

    Returns:
        Code of compile, train and evaluate.
    """
    needs = ", ".join(_taken(compiled.source, left))
    statements = [text for _, text in _statements(compiled.source)]
    function = f"""\
def make_scorer({needs}):
    \"\"\"Scores predictions by the loss and the metrics of the trials.\"\"\"
{indent(chr(10).join(statements), "    ")}
    return scorer
"""
    train = f"""\
def score_fold(train_rows, validation_rows):
    \"\"\"Scores of the model that learns from the rows of one fold.\"\"\"
    {", ".join([*left[:-1], "_"])} = prepare_sets(train_rows, validation_rows)
{indent(fit.strip(), "    ")}
    scorer = make_scorer({needs})
    return {score.format("validation")}


scores = [score_fold(*fold) for fold in folds]
validation_metrics = {{}}
for name in scores[0]:
    values = [score[name] for score in scores]
    validation_metrics["val_" + name] = fmean(values)
    validation_metrics[f"val_{{name}}_std"] = pstdev(values)
print(validation_metrics)
"""
    evaluate = f"""\
# What is tested learns from the rows of all folds.
{fit.strip()}
scorer = make_scorer({needs})
test_metrics = {score.format("test")}
print({{**validation_metrics, **test_metrics}})
"""
    return {
        "compile": Code(compiled.imports, function),
        "train": Code(("from statistics import fmean, pstdev",), train),
        "evaluate": Code(source=evaluate),
    }


def _function_of_build(source: str, takes: tuple[str, ...]) -> str:
    """Constants stay; what makes the model becomes a function."""
    before, body = _parted(source)
    body = body.replace("model.summary()", "return model")
    body = _SHAPE.sub(_shape_of_rows, body)
    arguments = ", ".join(takes)
    return (
        f"{before}\n\ndef build_model({arguments}):\n"
        '    """A fresh model, the same whichever rows it will learn from."""\n'
        f"{indent(body, '    ')}\n\n\nbuild_model({arguments}).summary()\n"
    )


def _shape_of_rows(found: re.Match[str]) -> str:
    """An input as wide as the rows of the fold, or as those of its part of them."""
    before, part = found.groups()
    return f"{before}x_train{f'[{literal(part)}]' if part else ''}.shape[1:]"


def _function_of_compile(source: str, needs: tuple[str, ...]) -> tuple[str, str | None]:
    """What compiles becomes a function, and what makes the callbacks another one.

    No fold keeps a checkpoint, and each has callbacks that know nothing of another one.

    Returns:
        The code, and what the final model is given of the callbacks: those that are the
        person's own.
    """
    pieces: list[str] = []
    last = None
    of_model = [text for node, text in _statements(source) if _is_of_model(node)]
    for node, text in _statements(source):
        if _is_of_model(node):
            if text == of_model[0]:
                arguments = ", ".join(["model", *needs])
                pieces.append(
                    f"\n\ndef compile_model({arguments}):\n"
                    '    """Optimizer, loss and metrics of a fresh model."""\n'
                    + indent("\n".join(of_model), "    ")
                    + "\n\n"
                )
        elif isinstance(node, ast.Assign) and _names(node) == ["callbacks"]:
            _, stopping, *own = [
                ast.unparse(n) for n in getattr(node.value, "elts", [])
            ]
            last = f"[{', '.join(own)}]" if own else None
            pieces.append(
                "\n\ndef fresh_callbacks():\n"
                '    """Each fold has its own."""\n'
                f"    return [{', '.join([stopping, *own])}]\n\n"
            )
        else:
            pieces.append(text)
    return "\n".join(pieces) + "\n", last


def _is_of_model(node: ast.stmt) -> bool:
    """Whether a statement does something with the model."""
    return isinstance(node, ast.Expr) and ast.unparse(node).startswith("model.")


def _around_fit(source: str) -> tuple[str, str, str, ast.Call]:
    """Of a train cell the epochs, other constants, functions, and the call of `fit`."""
    epochs, constants, functions, call = "", "", "", None
    for node, text in _statements(source):
        if isinstance(node, ast.FunctionDef):
            functions += f"{text}\n\n\n"
        elif isinstance(node, ast.Assign) and _names(node) == ["EPOCHS"]:
            epochs = ast.unparse(node.value)
        elif _is_constant(node):
            constants += f"{text}\n"
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            call = node.value
    if call is None:
        raise ValueError("expected a train cell with history = model.fit(...)")
    return epochs, constants, functions, call


def _call(call: ast.Call, **changed: str | None) -> str:
    """A call with other values of arguments; None leaves one out."""
    positional = [ast.unparse(argument) for argument in call.args]
    given = {str(k.arg): ast.unparse(k.value) for k in call.keywords} | changed
    named = [f"{name}={value}" for name, value in given.items() if value is not None]
    return f"{ast.unparse(call.func)}({', '.join([*positional, *named])})"


def _without_test(source: str) -> str:
    """A prepare cell without the statements that make something of the test rows."""
    lines, of_test = source.splitlines(), {"test_rows"}
    for node in ast.parse(source).body:
        used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if (names := _names(node)) and used & of_test:
            of_test |= set(names)
            for place in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[place] = "\0"
    return "\n".join(line for line in lines if line != "\0") + "\n"


def _assigned(source: str) -> Iterator[str]:
    """Variables that a cell leaves, in order; functions are none."""
    for node in ast.parse(source).body:
        yield from _names(node)


def _used_within_functions(source: str) -> set[str]:
    """What the functions of a cell know from around them; no other cell needs that."""
    functions = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]
    return {
        part.id
        for function in functions
        for part in ast.walk(function)
        if isinstance(part, ast.Name)
    }


def _names(node: ast.stmt) -> list[str]:
    """The variables that an assignment assigns."""
    if not isinstance(node, ast.Assign):
        return []
    return [
        part.id
        for target in node.targets
        for part in ast.walk(target)
        if isinstance(part, ast.Name)
    ]


def _taken(source: str, left: tuple[str, ...]) -> tuple[str, ...]:
    """What a cell uses of what `prepare_sets` returns; the model always its rows."""
    used = {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}
    shape = {"x_train"} if _SHAPE.search(source) else set()
    return tuple(name for name in left if name in used | shape)


def _is_constant(node: ast.stmt) -> bool:
    names = _names(node)
    return bool(names) and all(name.isupper() for name in names)


def _statements(source: str) -> Iterator[tuple[ast.stmt, str]]:
    """Each statement with the comments above it, as written."""
    lines, begin = source.splitlines(), 0
    for node in ast.parse(source).body:
        end = node.end_lineno or node.lineno
        yield node, "\n".join(lines[begin:end]).strip("\n")
        begin = end


def _parted(source: str) -> tuple[str, str]:
    """The constants at the top, and all other statements."""
    before: list[str] = []
    after: list[str] = []
    for node, text in _statements(source):
        (before if not after and _is_constant(node) else after).append(text)
    return "\n".join(before), "\n".join(after)
