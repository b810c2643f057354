"""A space of a person's own: AutoKeras's functional API as source.

The source is executed where AutoKeras is loaded, never in the kernel. Its graph is
found by walking from the nodes that it leaves: one input, and one head at the end.
"""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Iterator
from typing import Any

from notebook_automl.errors import SearchError, UnsupportedLayerError, received
from notebook_automl.source.naming import named
from notebook_automl.tasks._task import Prepared, Space

_FILE = "<graph>"
_EXAMPLE = """\
node = ak.ImageInput()
node = ak.ConvBlock()(node)
node = ak.ClassificationHead()(node)"""
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
    libraries: tuple[Any, Any],
    source: str,
    classes: int,
    prepared: Prepared,
    rescaled: Any,
) -> Space:
    """Execute a graph's source and find its input and its head.

    Args:
        libraries: AutoKeras and Keras.
        source: In AutoKeras's functional API.
        classes: How many classes are learned; 1 for numbers.
        prepared: Shapes and constants of the prepared data.
        rescaled: A regression head with outputs in the target's own unit.

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
    inputs = [node for node in nodes if not node.in_blocks]
    outputs = [
        node
        for node in nodes
        if node.in_blocks
        and isinstance(node.in_blocks[0], autokeras.Head)
        and not node.out_blocks
    ]
    if len(inputs) != 1 or len(outputs) != 1:
        raise SearchError(
            f"Expected a graph with one input and one head at its end, got "
            f"{len(inputs)} inputs and {len(outputs)} heads. Type, say:\n{_EXAMPLE}",
            field="graph",
        )
    head = outputs[0].in_blocks[0]
    _complete(autokeras, head, classes)
    if classes == 1 and "TARGET_STD" in prepared.constants:
        std = named(prepared.constants["TARGET_STD"], "TARGET_STD")
        same = rescaled(std=std, name=head.name, dropout=head.dropout)
        outputs = same(head.inputs)
    for node in nodes:
        for block in node.out_blocks:
            if getattr(block, "pretrained", None):
                raise UnsupportedLayerError(
                    f"Expected blocks without ImageNet weights, got "
                    f"{block.name!r} with pretrained=True. Leave it out."
                )
    return Space(inputs[0], outputs[0], _LIMITS)


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


def _complete(autokeras: Any, head: Any, classes: int) -> None:
    """Tell a head what AutoKeras's analysers would tell it."""
    kind = autokeras.ClassificationHead if classes > 1 else autokeras.RegressionHead
    if not isinstance(head, kind):
        raise SearchError(
            f"Expected ak.{kind.__name__} at the end of the graph, got "
            f"{type(head).__name__}. Type ak.{kind.__name__}()(node), or another task.",
            field="graph",
        )
    usual = ["accuracy"] if classes > 1 else ["mean_squared_error"]
    if head.metrics != usual or (classes == 1 and head.loss != usual[0]):
        raise SearchError(
            "Expected a head without loss and metrics of its own, got "
            f"{type(head).__name__} with them. Type Search(loss=..., metrics=[...]).",
            field="graph",
        )
    if classes > 1:
        if head.num_classes not in (None, classes):
            raise SearchError(
                f"Expected a head for {classes} classes, got num_classes="
                f"{head.num_classes}. Type ak.ClassificationHead()(node).",
                field="graph",
            )
        head.num_classes = classes
        head.loss = head.infer_loss()


def _is_node(value: Any) -> bool:
    return hasattr(value, "in_blocks") and hasattr(value, "out_blocks")


def _flat(values: Any) -> Iterator[Any]:
    for value in list(values):
        yield from value if isinstance(value, list | tuple) else (value,)


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
