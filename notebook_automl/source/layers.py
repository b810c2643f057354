"""A built Keras graph as functional-API lines, one line a layer.

Nothing of Keras is imported here: a layer tells its own options (`get_config`), and a
fresh layer of the same class tells which of them are defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from notebook_automl.errors import UnsupportedLayerError
from notebook_automl.source.chains import Chains, Step, chain_by_chain
from notebook_automl.source.literals import literal
from notebook_automl.source.naming import NamedFloat, NamedInt, constant_names

NameOf = Callable[[NamedInt | NamedFloat], str]

# One entry a class that the generator knows: the options written without their
# names, in the order of the constructor. Every other option is written by name, and
# only where it differs from the default.
POSITIONAL: dict[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Add": (),
    "BatchNormalization": (),
    "Bidirectional": (),
    "Concatenate": (),
    "Conv1D": ("filters", "kernel_size"),
    "Conv2D": ("filters", "kernel_size"),
    "Conv3D": ("filters", "kernel_size"),
    "Dense": ("units",),
    "Dropout": ("rate",),
    "Embedding": ("input_dim", "output_dim"),
    "Flatten": (),
    "GRU": ("units",),
    "GlobalAveragePooling1D": (),
    "GlobalAveragePooling2D": (),
    "GlobalAveragePooling3D": (),
    "GlobalMaxPooling1D": (),
    "GlobalMaxPooling2D": (),
    "GlobalMaxPooling3D": (),
    "LSTM": ("units",),
    "MaxPooling1D": ("pool_size",),
    "MaxPooling2D": ("pool_size",),
    "MaxPooling3D": ("pool_size",),
    "Normalization": (),
    "PolynomialDecay": ("initial_learning_rate", "decay_steps"),
    "RandomContrast": ("factor",),
    "RandomFlip": ("mode",),
    "RandomRotation": ("factor",),
    "RandomTranslation": ("height_factor", "width_factor"),
    "ReLU": (),
    "Rescaling": ("scale",),
    "Resizing": ("height", "width"),
    "SeparableConv1D": ("filters", "kernel_size"),
    "SeparableConv2D": ("filters", "kernel_size"),
    "Softmax": (),
}

# Whole networks that Keras ships, by the name that each gives to itself.
APPLICATIONS = {
    "resnet50": "ResNet50",
    "resnet101": "ResNet101",
    "resnet152": "ResNet152",
    "resnet50v2": "ResNet50V2",
    "resnet101v2": "ResNet101V2",
    "resnet152v2": "ResNet152V2",
    "xception": "Xception",
    **{f"efficientnetb{i}": f"EfficientNetB{i}" for i in range(8)},
}

# AutoKeras's own cast: the prepared arrays are float32 already, so it does nothing.
PASSED_OVER = ("CastToFloat32",)


LEARNING_RATE = "learning_rate"


@dataclass(frozen=True)
class GraphCode:
    """A graph written as code.

    Args:
        lines: Statements that leave `model`.
        constants: Names of constants that occur in the lines, each with its value.
    """

    lines: tuple[str, ...]
    constants: dict[str, int | float]


def steps(model: Any) -> list[Step]:
    """The layers of a functional model, chain by chain from its inputs.

    Args:
        model: A built `keras.Model` in which each layer is called once.

    Returns:
        One step a layer, those that do nothing left out.

    Raises:
        UnsupportedLayerError: A layer is called more than once.
    """
    position: dict[int, int] = {}
    found: list[Step] = []
    for layer in model.layers:
        if type(layer).__name__ in PASSED_OVER:
            position[id(layer.output)] = position[id(layer.input)]
            continue
        if len(layer._inbound_nodes) != 1 and type(layer).__name__ != "Functional":
            raise UnsupportedLayerError(
                f"The code generator expects each layer to be called once, got "
                f"{layer.name!r} ({type(layer).__name__}) called "
                f"{len(layer._inbound_nodes)} times. Give each call a layer of its own."
            )
        node = layer._inbound_nodes[-1]
        sources = tuple(position[id(tensor)] for tensor in node.input_tensors)
        position[id(node.outputs[0])] = len(found)
        found.append(Step(layer, sources))
    return chain_by_chain(found, [position[id(tensor)] for tensor in model.outputs])


def structure(model: Any) -> list[tuple[str, dict[str, Any], tuple[int, ...]]]:
    """What a graph computes, without the names of its layers.

    Two models with equal structures hold the same layers with the same options, wired
    in the same way.

    Args:
        model: A built `keras.Model`.

    Returns:
        Class name, options and sources of each layer.
    """
    return [(step.kind, _comparable(step.layer), step.sources) for step in steps(model)]


def graph_code(
    model: Any,
    defined: Collection[str] = (),
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> GraphCode:
    """Write a built graph as functional-API lines.

    Args:
        model: A built `keras.Model`.
        defined: Constants that earlier cells define.
        inputs: Names of its inputs, in their order, as dictionaries know them; none
            for the only one.
        outputs: Names of its outputs likewise.

    Returns:
        The lines and the constants that they name, but for those defined before.

    Raises:
        UnsupportedLayerError: The generator does not know a layer or an option.
    """
    chains = _chains(model, inputs, outputs)
    values: dict[str, int | float] = {}

    def note(number: NamedInt | NamedFloat) -> str:
        values[number.path] = number
        return ""

    # Which paths occur is known when all is written; the second time they have names.
    list(_graph_lines(chains, note))
    names = constant_names(values)
    lines = _graph_lines(chains, lambda number: names[number.path])
    constants = {names[path]: values[path] for path in values}
    new = {name: value for name, value in constants.items() if name not in defined}
    return GraphCode(tuple(lines), new)


def optimizer_code(optimizer: Any) -> str:
    """Write an optimizer, with the constant `LEARNING_RATE` for its learning rate.

    Args:
        optimizer: The Keras optimizer of a compiled model.

    Returns:
        A Python expression.
    """
    name = LEARNING_RATE.upper()
    rate = optimizer._learning_rate  # the schedule, or a float32 variable
    if hasattr(rate, "decay_steps"):
        first = call_code(rate, "keras.optimizers.schedules.", lambda _: name)
    else:
        first = name
    kind = type(optimizer).__name__
    config, defaults = optimizer.get_config(), _defaults(type(optimizer), {})
    changed = [
        f"{key}={literal(value)}"
        for key, value in config.items()
        if key not in ("name", LEARNING_RATE) and value != defaults[key]
    ]
    return f"keras.optimizers.{kind}({', '.join([first, *changed])})"


_known: dict[tuple[type, str], dict[str, Any]] = {}


def _defaults(kind: type, required: dict[str, Any]) -> dict[str, Any]:
    """The options of an object that was given what it must have, and nothing else.

    They are asked for again and again, and some layers make variables: 5 ms each.
    """
    key = kind, repr(required)
    if key not in _known:
        _known[key] = kind(**required).get_config()
    return _known[key]


def call_code(instance: Any, prefix: str, name_of: NameOf) -> str:
    """Write the constructor call of a layer, optimizer or schedule.

    Args:
        instance: The Keras object.
        prefix: What stands before its class name ("layers.").
        name_of: Gives the constant of a number that has a path.

    Returns:
        A Python expression.

    Raises:
        UnsupportedLayerError: An option is no plain value.
    """
    kind = type(instance).__name__
    config = instance.get_config()
    if kind == "Bidirectional":
        # What it wraps is set to this by the wrapper itself.
        wrapped = call_code(instance.forward_layer, prefix, name_of)
        inner = wrapped.replace(", zero_output_for_mask=True", "")
        return f"{prefix}{kind}({inner})"
    positional = POSITIONAL.get(kind, ())
    required = {key: config[key] for key in positional}
    defaults = _defaults(type(instance), required)
    arguments = [_value(config[key], kind, key, name_of) for key in positional]
    arguments += [
        f"{key}={_value(value, kind, key, name_of)}"
        for key, value in config.items()
        if key not in positional and key != "name" and value != defaults.get(key)
    ]
    return f"{prefix}{kind}({', '.join(arguments)})"


def _chains(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Chains:
    """The steps of a model, with the names of its ends."""
    found = steps(model)
    position = {id(step.layer): place for place, step in enumerate(found)}
    first, last = (
        [position[id(tensor._keras_history.operation)] for tensor in tensors]
        for tensors in (model.inputs, model.outputs)
    )
    return Chains(found, first, last, inputs, outputs)


def _graph_lines(chains: Chains, name_of: NameOf) -> Iterator[str]:
    """The lines of all steps and of the model."""
    variables = chains.variables()
    for place in range(len(variables)):
        yield from _lines(chains, place, variables, name_of)
    inputs, outputs = (
        _one_or_named([variables[place] for place in places], names)
        for places, names in (
            (chains.inputs, chains.input_names),
            (chains.outputs, chains.output_names),
        )
    )
    yield f"model = keras.Model({inputs}, {outputs})"


def _one_or_named(variables: list[str], names: Sequence[str]) -> str:
    """What a model takes or gives: one tensor, several, or a dictionary of them."""
    if not names:
        return _one_or_list(variables)
    pairs = zip(names, variables, strict=True)
    return f"{{{', '.join(f'{literal(name)}: {var}' for name, var in pairs)}}}"


def _one_or_list(variables: list[str]) -> str:
    return variables[0] if len(variables) == 1 else f"[{', '.join(variables)}]"


def _lines(
    chains: Chains, place: int, variables: Sequence[str], name_of: NameOf
) -> Iterator[str]:
    """The lines of one step."""
    step, variable, name = chains.steps[place], variables[place], chains.name(place)
    fed = _one_or_list([variables[source] for source in step.sources])
    called = f", name={literal(name)}" if name else ""
    if step.kind == "InputLayer":
        shape = tuple(step.layer.batch_shape[1:])
        dtype = "" if step.layer.dtype == "float32" else f", dtype={step.layer.dtype!r}"
        yield f"{variable} = keras.Input({literal(shape)}{dtype}{called})"
    elif step.kind == "Functional":
        yield f"{variable} = {_application(step.layer)}({fed})"
    elif step.kind not in POSITIONAL:
        raise UnsupportedLayerError(
            f"The code generator does not know the layer class {step.kind!r} (layer "
            f"{step.layer.name!r}); it knows {', '.join(sorted(POSITIONAL))}. Leave "
            "the block that builds it out of the space."
        )
    elif step.kind == "Normalization":
        if step.sources[0] not in chains.inputs:
            raise UnsupportedLayerError(
                "The code generator expects Normalization right behind the input, got "
                f"it behind {fed!r}: it is adapted to the prepared rows. Put it first."
            )
        of_input = chains.name(step.sources[0])
        layer = f"{of_input}_normalization" if of_input else "normalization"
        rows = f"x_train[{literal(of_input)}]" if of_input else "x_train"
        yield f"{layer} = {call_code(step.layer, 'layers.', name_of)}"
        yield f"{layer}.adapt({rows})"
        yield f"{variable} = {layer}({fed})"
    else:
        call = call_code(step.layer, "layers.", name_of)
        if name:  # behind its options, if there are any
            call = f"{call[:-1]}{called.removeprefix(', ' * call.endswith('()'))})"
        yield f"{variable} = {call}({fed})"


def _application(layer: Any) -> str:
    """A whole network of `keras.applications`, without weights and without its top."""
    kind = APPLICATIONS.get(layer.name)
    if kind is None:
        raise UnsupportedLayerError(
            f"The code generator does not know the network {layer.name!r}; it knows "
            f"{', '.join(APPLICATIONS)}. Leave the block that builds it out."
        )
    shape = literal(tuple(layer.input.shape[1:]))
    return (
        f"keras.applications.{kind}"
        f"(include_top=False, weights=None, input_shape={shape})"
    )


def _value(value: Any, kind: str, key: str, name_of: NameOf) -> str:
    """An option's value as source; a square tuple is written as its one number."""
    if isinstance(value, NamedInt | NamedFloat):
        return name_of(value)
    if isinstance(value, tuple | list):
        if value and all(part == value[0] for part in value):
            return _value(value[0], kind, key, name_of)
        if len(value) == 2 and value[0] == -value[1]:
            return _value(value[1], kind, key, name_of)
        return f"({', '.join(_value(part, kind, key, name_of) for part in value)},)"
    if value is None or isinstance(value, str | int | float):
        return literal(value)
    raise UnsupportedLayerError(
        f"The code generator writes plain values, got {key}={value!r} "
        f"({type(value).__name__}) in a {kind}. Leave that option at its default."
    )


def _comparable(layer: Any) -> dict[str, Any]:
    """A layer's options without its name; a nested network by its own structure."""
    if type(layer).__name__ == "Functional":
        return {"layers": structure(layer), "parameters": layer.count_params()}
    config: dict[str, Any] = dict(layer.get_config())
    config.pop("name", None)
    for part in ("layer", "backward_layer"):
        if part in config:  # of a layer that wraps others
            config[part]["config"].pop("name", None)
    return config
