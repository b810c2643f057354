"""Generated code builds what AutoKeras builds, over all that a task may choose."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ruff import find_ruff_bin
from spaces import Bench, Coverage, bench

from notebook_automl.errors import UnsupportedLayerError
from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.search._plan import possible
from notebook_automl.source import layers
from notebook_automl.source.layers import POSITIONAL, graph_code, steps
from notebook_automl.source.literals import literal
from notebook_automl.source.program import CELLS, OPTIONAL
from notebook_automl.tasks._task import TASKS, propose
from notebook_automl.workers.cells import execute
from notebook_automl.workers.graph import check_model
from notebook_automl.workers.prepared import some

_MOST_BUILDS = 80
# Of a task whose samples a classification has swept over: its head is what is new.
_FEW_BUILDS = 5
_FORBIDDEN = ("notebook_automl", "autokeras", "keras_tuner", "optuna", "distributed")


@pytest.fixture(scope="module", params=TASKS.names())
def ready(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Bench:
    return bench(request.param, tmp_path_factory.mktemp(request.param))


def autokeras_model(ready: Bench, answer: Any) -> Any:
    """AutoKeras's own graph of the same values."""
    from notebook_automl.tasks._autokeras import build_graph

    fit = ready.asked.search["epochs"], ready.asked.search["batch_size"]
    asked = ready.asked
    built = build_graph(asked.task, asked.schema, ready.prepared, fit, answer)
    with keras.StatelessScope():
        pass  # leaving it gives each weight that has only a shape its first value
    return built.model


def test_proposes_itself_for_its_example(ready: Bench) -> None:
    assert TASKS.get(propose(ready.asked.schema)) is ready.asked.task


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_same_predictions_over_the_space(
    ready: Bench, whole: bool, capsys: Any
) -> None:
    """With the same weights, code and graph agree to 1e-5; no choice is left out."""
    few = not whole and not ready.asked.search["task"].endswith("_classification")
    coverage, used, builds = Coverage(), set[str](), 0
    x = some(ready.kept.arrays["x_train"], slice(16))
    most = _FEW_BUILDS if few else _MOST_BUILDS
    while builds == 0 or (coverage.gaps() and builds < most):
        builds += 1
        written, text = ready.write(coverage)
        model = autokeras_model(ready, lambda p, values=written.values: values[p.name])
        kinds = [step_kind for step_kind, _, _ in written.structure]
        used.update(kinds)
        weights = [layer.get_weights() for layer in model.layers]
        adapt(model, ready.kept.arrays["x_train"])
        expected = model.predict(parts(x), verbose=0)
        namespace = ready.namespace(text)
        execute(text, "build", namespace)
        generated = namespace["model"]
        copy_weights(model, weights, generated)
        got = generated.predict(x, verbose=0)
        for one, other in zip(parts(got), parts(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    with capsys.disabled():
        kind = type(ready.asked.task).__name__
        choices = sum(len(counts) for counts in coverage.given.values())
        print(f"\n{kind}: {choices} choices of {len(coverage.given)} parameters in ")
        print(f"{builds} graphs, layers {', '.join(sorted(used))}\n{coverage}")
    assert few or coverage.gaps() == []


def parts(arrays: Any) -> list[Any]:
    """What AutoKeras's graph takes or gives: its names' arrays in their order."""
    if isinstance(arrays, dict):
        return [arrays[name] for name in sorted(arrays)]
    return arrays if isinstance(arrays, list) else [arrays]


def adapt(model: Any, x_train: Any) -> None:
    """AutoKeras adapts the layers that learn from data before it fits."""
    inputs = [tensor._keras_history.operation for tensor in model.inputs]
    for layer in model.layers:
        if type(layer).__name__ == "Normalization":
            before = layer
            while before not in inputs:
                before = before.input._keras_history.operation
            layer.adapt(np.array(parts(x_train)[inputs.index(before)]))


def copy_weights(model: Any, weights: list[list[Any]], generated: Any) -> None:
    """Give the generated model the graph's weights; both have adapted on their own."""
    of_layers = dict(zip(map(id, model.layers), weights, strict=True))
    for one, other in zip(steps(model), steps(generated), strict=True):
        assert type(one.layer) is type(other.layer)
        if one.kind != "Normalization":
            other.layer.set_weights(of_layers[id(one.layer)])


def test_parameter_names_are_stable(ready: Bench) -> None:
    """The same answers meet the same questions, build after build in one process."""

    def questions() -> list[Parameter]:
        asked: list[Parameter] = []

        def last(parameter: Parameter) -> Value:
            asked.append(parameter)
            return parameter.choices[-1]

        ready.write(last)
        return asked

    assert questions() == questions()


def test_program_is_clean(ready: Bench, tmp_path: Path) -> None:
    """Formatted, passes the linter, imports nothing of the search, all cells there."""
    _, text = ready.write(lambda p: p.choices[-1])
    path = tmp_path / "program.py"
    path.write_text(text.to_text(), "utf-8")
    for arguments in (
        ["check", "--isolated", "--select=E,F,W,I,B,UP", "--ignore=E501"],
        ["format", "--isolated", "--check"],
    ):
        run = [find_ruff_bin(), *arguments, str(path)]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert [cell.id for cell in text.cells] == [c for c in CELLS if c not in OPTIONAL]
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(text.to_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not [m for m in imported if m.split(".")[0] in _FORBIDDEN]
    assert "sklearn.model_selection" in imported
    for name, value in text_constants(text["build"]).items():
        assert name.isupper(), f"{name} = {value}"


def text_constants(source: str) -> dict[str, Any]:
    """Constants that a cell sets at its top."""
    return {
        node.targets[0].id: node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


@pytest.mark.parametrize("last", [False, True])
def test_mutants_are_refused(ready: Bench, last: bool) -> None:
    """Any option of any layer, changed or dropped, is not trained."""
    written, text = ready.write(lambda p: p.choices[-1] if last else p.choices[0])
    namespace = ready.namespace(text)
    execute(text, "build", namespace)
    execute(text, "compile", namespace)
    check_model(written, namespace["model"])  # the program itself is accepted
    refused = 0
    for mutant in mutants(text["build"]):
        try:
            exec(mutant, namespace)
        except Exception:  # a mutant that cannot be built is not trained, either
            continue
        execute(text, "compile", namespace)
        with pytest.raises(UnsupportedLayerError, match="another model"):
            check_model(written, namespace["model"])
        refused += 1
    assert refused >= 3


def mutants(source: str) -> Iterator[str]:
    """The cell with one argument of one layer changed or dropped, one at a time."""
    tree = ast.parse(source)
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "layers"
    ]
    constants = text_constants(source)
    for call in calls:
        for place, old in enumerate(call.args):
            call.args[place] = changed(old, constants)
            yield ast.unparse(tree)
            call.args[place] = old
        for keyword in list(call.keywords):
            call.keywords.remove(keyword)
            yield ast.unparse(tree)
            call.keywords.append(keyword)


def changed(node: ast.expr, constants: dict[str, Any]) -> ast.expr:
    """Another value of the same type."""
    value = constants.get(node.id) if isinstance(node, ast.Name) else None
    if isinstance(node, ast.Constant):
        value = node.value
    other = {"sigmoid": "tanh", "horizontal": "vertical"}.get(str(value), "horizontal")
    if isinstance(value, int):
        other = value + 1
    elif isinstance(value, float):
        other = value / 2
    return ast.Constant(other) if value is not None else ast.Constant(3.0)


def test_changed_generator_is_refused(
    ready: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A generator that writes one number wrong does not get as far as training."""

    def slip(value: Any) -> str:
        return literal(value + 1 if type(value) is int else value)

    monkeypatch.setattr(layers, "literal", slip)
    written, text = ready.write(lambda p: p.choices[0])
    namespace = ready.namespace(text)
    execute(text, "build", namespace)
    execute(text, "compile", namespace)
    with pytest.raises(UnsupportedLayerError, match="another model"):
        check_model(written, namespace["model"])


def test_unknown_layer_is_refused_with_its_name() -> None:
    import keras

    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.UnitNormalization()(inputs))
    assert "UnitNormalization" not in POSITIONAL
    with pytest.raises(UnsupportedLayerError, match="UnitNormalization"):
        graph_code(model)


def test_option_that_is_no_plain_value_is_refused() -> None:
    import keras

    inputs = keras.Input((4,))
    layer = keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1))
    with pytest.raises(UnsupportedLayerError, match="kernel_regularizer"):
        graph_code(keras.Model(inputs, layer(inputs)))


def agree(ready: Bench, answer: Any) -> str:
    """Check that code and graph of these values predict the same; the build cell."""
    written, text = ready.write(answer)
    model = autokeras_model(ready, answer)
    weights = [layer.get_weights() for layer in model.layers]
    x = np.array(ready.kept.arrays["x_train"][:4])
    expected = model.predict(x, verbose=0)
    namespace = ready.namespace(text)
    execute(text, "build", namespace)
    execute(text, "compile", namespace)
    check_model(written, namespace["model"])
    copy_weights(model, weights, namespace["model"])
    got = namespace["model"].predict(x, verbose=0)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    return text["build"]


@pytest.mark.parametrize(
    "block",
    [
        "resnet",
        pytest.param("xception", marks=pytest.mark.slow),
        pytest.param("efficient", marks=pytest.mark.slow),
    ],
)
def test_whole_networks_of_the_gpu_space(block: str, tmp_path: Path) -> None:
    """A GPU may get Keras's own networks; code and graph agree on them, too."""
    ready = bench("image_classification", tmp_path)
    ready.accelerated = True

    def answer(parameter: Parameter) -> Value:
        if parameter.name == "image/block_type":
            return block
        return parameter.default

    (line,) = re.findall("keras.applications[^#]+?weights=None", agree(ready, answer))
    assert block in line.lower()


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("layer", ["lstm", "gru"])
def test_recurrent_layers_of_the_gpu_space(
    layer: str, bidirectional: bool, tmp_path: Path
) -> None:
    """A GPU may get layers that step through a text, both ways or one way."""
    ready = bench("text_classification", tmp_path)
    ready.accelerated = True
    fixed = {"block_type": "recurrent", "layer_type": layer, "embedding_dim": 32}
    fixed["bidirectional"] = bidirectional

    def answer(parameter: Parameter) -> Value:
        return fixed.get(parameter.name.split("/")[-1], parameter.default)

    cell = agree(ready, answer)
    inner = f"layers.{layer.upper()}(32, return_sequences=True)"
    outer = f"layers.Bidirectional({inner})" if bidirectional else inner
    assert f"hidden = {outer}(hidden)" in cell


def test_initial_configurations_are_of_the_space(ready: Bench) -> None:
    """Each value is possible where it is asked for, and all but fixed ones are."""
    task = ready.asked.task
    for configuration in task.initial(False) if hasattr(task, "initial") else ():
        asked: dict[str, Parameter] = {}

        def answer(parameter: Parameter, asked=asked, given=configuration) -> Value:
            asked[parameter.name] = parameter
            return given.get(parameter.name, parameter.default)

        ready.write(answer)
        kept = [name for name in configuration if name in asked]
        assert all(possible(asked[name], configuration[name]) for name in kept)
        assert configuration.keys() - asked.keys() <= {"image/block_type"} | {
            name for name in configuration if name.startswith("head/")
        }
