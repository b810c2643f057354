"""A space of a person's own: AutoKeras's functional API as source.

The source is executed where AutoKeras is loaded, never in the kernel. Its graph is
found by walking from the nodes that it leaves: one input, and one head at the end; or
several, each with the name that the person gave to these data.
"""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Iterator
from typing import Any

from notebook_automl.errors import SearchError, UnsupportedLayerError, received
from notebook_automl.tasks._task import Prepared, Space

_FILE = "<graph>"
_EXAMPLE = """\
node = ak.ImageInput()
node = ak.ConvBlock()(node)
node = ak.ClassificationHead()(node)"""
_NAMED = """\
photo = ak.ImageInput(name="photo")
facts = ak.Input(name="facts")
node = ak.Merge()([ak.ImageBlock()(photo), ak.DenseBlock()(facts)])
kind = ak.ClassificationHead(name="kind")(node)
price = ak.RegressionHead(name="price")(node)"""
_LIMITS: dict[str, tuple[Any, ...]] = {
    # AutoKeras 3.0 asks for it and never uses it.
    "*/zoom_factor": (0.0,),
    # ImageNet weights need a download.
    "*/pretrained": (False,),
}


def check_source(graph: Any) -> None:
    """Refuse what is no Python, without executing it.

    Args:
        graph: The source; None is no graph.

    Raises:
        SearchError: With the line.
    """
    if graph is None:
        return
    reason = "an empty one" if isinstance(graph, str) else received(graph)
    if isinstance(graph, str) and graph.strip():
        try:
            ast.parse(graph)
        except SyntaxError as error:
            reason = f"{error.msg} in line {error.lineno}: {(error.text or '').strip()}"
        except (ValueError, RecursionError, MemoryError) as error:
            reason = str(error)
        else:
            return
    raise SearchError(
        f"Expected a graph in AutoKeras's functional API, got {reason}. Type, say:\n"
        f"{_EXAMPLE}".replace("got got", "got"),
        field="graph",
    )


def space_of(
    libraries: tuple[Any, Any], source: str, usual: Space, prepared: Prepared
) -> Space:
    """Execute a graph's source and find its inputs and its heads.

    Args:
        libraries: AutoKeras and Keras.
        source: In AutoKeras's functional API.
        usual: The task's own space, which knows the heads.
        prepared: Shapes and constants of the prepared data.

    Raises:
        SearchError: It cannot be executed, or is no such graph.
        UnsupportedLayerError: It wants weights that the code would not have.
    """
    lines = source.splitlines(keepends=True)
    autokeras, keras = libraries
    linecache.cache[_FILE] = (len(source), None, lines, _FILE)
    namespace: dict[str, Any] = {"__name__": "__main__", "keras": keras}
    namespace |= {"ak": autokeras, "autokeras": autokeras}
    try:
        exec(compile(source, _FILE, "exec"), namespace)
    except Exception as error:
        raise wrong_line(error) from error
    nodes = _connected([n for n in _flat(namespace.values()) if _is_node(n)])
    inputs = {node: node.name for node in nodes if not node.in_blocks}
    heads = {
        node: node.in_blocks[0].name
        for node in nodes
        if node.in_blocks
        and isinstance(node.in_blocks[0], autokeras.Head)
        and not node.out_blocks
    }
    ordered = _in_order(inputs, heads, prepared)
    pairs = zip(ordered[1], _flat([usual.outputs]), strict=True)
    outputs = [_completed(autokeras, node, other.in_blocks[0]) for node, other in pairs]
    limits, images = dict(_LIMITS), list[str]()
    for node in nodes:
        for block in node.out_blocks:
            if isinstance(block, autokeras.ImageBlock) and block.name not in images:
                images.append(block.name)
            if getattr(block, "pretrained", None):
                raise UnsupportedLayerError(
                    f"Expected blocks without ImageNet weights, got "
                    f"{block.name!r} with pretrained=True. Leave it out."
                )
    # Keras gives each of its whole networks one name, which a model has once.
    limits |= {f"{name}/block_type": ("vanilla",) for name in images[1:]}
    return Space(ordered[0], outputs, limits)


def wrong_line(error: Exception) -> SearchError:
    """An error in a graph's source, told with its line.

    Args:
        error: What its execution or its build raised.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = [frame for frame in frames if frame.filename == _FILE]
    line = places[-1].lineno if places else getattr(error, "lineno", None)
    text = linecache.getline(_FILE, line or 0).strip()
    place = f" in line {line}: {text}" if line else ""
    return SearchError(
        f"Expected a graph that can be built, got {type(error).__name__}: {error}"
        f"{place}.",
        field="graph",
    )


def is_of_graph(error: Exception) -> bool:
    """Whether an error was raised by a line of a graph's source."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename == _FILE for frame in frames)


def _in_order(
    inputs: dict[Any, str], heads: dict[Any, str], prepared: Prepared
) -> tuple[list[Any], list[Any]]:
    """The nodes of inputs and of heads, in the order of the data's names.

    Raises:
        SearchError: There are others.
    """
    found = []
    for nodes, shapes in ((inputs, prepared.x_shapes), (heads, prepared.y_shapes)):
        if len(shapes) == 1:
            found.append(list(nodes)[:1] if len(nodes) == 1 else [])
        else:
            by_name = {name: node for node, name in nodes.items()}
            same = len(by_name) == len(nodes) and by_name.keys() == shapes.keys()
            found.append([by_name[name] for name in shapes] if same else [])
    if all(found):
        return found[0], found[1]
    several = len(prepared.x_shapes) > 1, len(prepared.y_shapes) > 1
    wanted = " and ".join(
        f"the {kind}s {', '.join(map(repr, shapes))}" if more else f"one {kind}"
        for kind, more, shapes in zip(
            ("input", "head"),
            several,
            (prepared.x_shapes, prepared.y_shapes),
            strict=True,
        )
    )
    came = f"{len(inputs)} inputs and {len(heads)} heads"
    if any(several):
        came = f"inputs {[*inputs.values()]} and heads {[*heads.values()]}"
    raise SearchError(
        f"Expected a graph with {wanted} at its end, got {came}. Type, say:\n"
        f"{_NAMED if any(several) else _EXAMPLE}",
        field="graph",
    )


def _completed(autokeras: Any, node: Any, usual: Any) -> Any:
    """The node of a head that knows what AutoKeras's analysers would tell it.

    Args:
        autokeras: The library.
        node: Of the person's head.
        usual: The task's own head.
    """
    head, kind = node.in_blocks[0], autokeras.RegressionHead
    classes = isinstance(usual, autokeras.ClassificationHead)
    if classes:
        kind = autokeras.ClassificationHead
    if not isinstance(head, kind):
        raise SearchError(
            f"Expected ak.{kind.__name__} at the end of the graph, got "
            f"{type(head).__name__}. Type ak.{kind.__name__}()(node), or another task.",
            field="graph",
        )
    own = ["accuracy"] if classes else ["mean_squared_error"]
    if head.metrics != own or (not classes and head.loss != own[0]):
        raise SearchError(
            "Expected a head without loss and metrics of its own, got "
            f"{type(head).__name__} with them. Type Search(loss=..., metrics=[...]).",
            field="graph",
        )
    if not classes:
        same = type(usual)(std=usual.std, name=head.name, dropout=head.dropout)
        return same(head.inputs)[0]
    if head.num_classes not in (None, usual.num_classes):
        raise SearchError(
            f"Expected a head for {usual.num_classes} classes, got num_classes="
            f"{head.num_classes}. Type ak.ClassificationHead()(node).",
            field="graph",
        )
    head.num_classes, head.multi_label = usual.num_classes, usual.multi_label
    head.loss = head.infer_loss()
    return node


def _is_node(value: Any) -> bool:
    return hasattr(value, "in_blocks") and hasattr(value, "out_blocks")


def _flat(values: Any) -> Iterator[Any]:
    for value in list(values):
        yield from _flat(value) if isinstance(value, list | tuple) else (value,)


def _connected(nodes: list[Any]) -> list[Any]:
    """These nodes and all that they hang together with, each once."""
    found: list[Any] = []
    while nodes:
        node = nodes.pop(0)
        if not any(node is other for other in found):
            found.append(node)
            nodes += [n for block in node.in_blocks for n in block.inputs]
            nodes += [n for block in node.out_blocks for n in block.outputs]
    return found
