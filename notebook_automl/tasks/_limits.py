"""What is left of a search space: choices that a person or a task has narrowed.

A space is narrowed by patterns of parameter paths, as `fnmatch` reads them. The first
pattern that matches a path counts. Beside it stands one of three:

* one value: the parameter is fixed and not asked for;
* a list: these are the choices;
* {"low": 1e-4, "high": 1e-2}, with "log": True or "step": 2 if wanted: a range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from notebook_automl.errors import SearchError, UnknownNameError, nearest, received
from notebook_automl.record.parameters import Parameter, Value

Space = Mapping[str, Any]
# What `fit` is given: parameters of the study where the space names them.
OF_FIT = ("batch_size", "epochs")

_RANGE = ("low", "high", "step", "log")
_EXAMPLE = 'space={"learning_rate": [1e-3, 1e-4]}'
# Longer lists of names are shortened.
_MOST_SHOWN = 30
_MOST_BUILDS = 40


@dataclass(frozen=True)
class Fixed:
    """A parameter that is not asked for.

    Args:
        value: What it is.
    """

    value: Value


def check_space(space: Any) -> dict[str, Any]:
    """The space as JSON can hold it.

    Args:
        space: What was given; None narrows nothing.

    Raises:
        SearchError: It is not of the form above.
    """
    if space is None:
        return {}
    if not isinstance(space, Mapping) or not all(isinstance(k, str) for k in space):
        raise _unlike("a dictionary from patterns of parameter paths", space)
    return {str(pattern): _plain(pattern, left) for pattern, left in space.items()}


def _plain(pattern: str, left: Any) -> Any:
    """What is left of one pattern, without tuples and numpy's types."""
    if isinstance(left, Mapping):
        return _plain_range(pattern, {key: _scalar(left[key]) for key in left})
    if isinstance(left, list | tuple):
        values = [_scalar(value) for value in left]
        if values and all(_is_value(value) for value in values):
            return list(dict.fromkeys(values))
    elif _is_value(value := _scalar(left)):
        return value
    raise _unlike(f"a value, a list of values or a range for {pattern!r}", left)


def _plain_range(pattern: str, left: dict[Any, Any]) -> dict[str, Any]:
    low: Any = left.get("low")
    high: Any = left.get("high")
    step: Any = left.get("step", 1)
    numbers = all(_is_number(number) for number in (low, high, step))
    known = set(left) <= set(_RANGE) and isinstance(left.get("log", False), bool)
    if not known or not numbers or not low < high or step <= 0:
        raise _unlike(
            f'{pattern!r} to be a range such as {{"low": 1, "high": 8}}, with "step" '
            'above 0 or "log" if wanted',
            left,
        )
    if left.get("log") and (low <= 0 or "step" in left):
        raise _unlike(f'a range with "low" above 0 and no "step" for {pattern!r}', left)
    return left


def _scalar(value: Any) -> Any:
    """A numpy scalar as Python's own."""
    is_numpy = hasattr(value, "dtype") and getattr(value, "shape", None) == ()
    return value.item() if is_numpy else value


def _is_value(value: Any) -> bool:
    finite = not isinstance(value, float) or math.isfinite(value)
    return isinstance(value, str | int | float) and finite


def _is_number(value: Any) -> bool:
    return _is_value(value) and not isinstance(value, str | bool)


def limit_of(space: Space, path: str) -> tuple[str, Any] | None:
    """The first pattern that matches a path, with what it leaves.

    Args:
        space: Patterns and what is left of each.
        path: Of a parameter.
    """
    return next((pair for pair in space.items() if fnmatchcase(path, pair[0])), None)


def within(parameter: Parameter, left: tuple[Any, ...]) -> Parameter | Fixed:
    """A parameter whose choices a task has limited; others are not added.

    Args:
        parameter: As AutoKeras describes it.
        left: Choices that are left of it.
    """
    choices = tuple(choice for choice in parameter.choices if choice in left)
    return _chosen_from(parameter, choices) if choices else parameter


def fitted(parameter: Parameter, pattern: str, left: Any) -> Parameter | Fixed:
    """A parameter as a person has fixed or narrowed it.

    Args:
        parameter: As AutoKeras describes it; numbers that it does not offer are taken
            as well.
        pattern: The person's pattern, for the message.
        left: What is left of it.

    Raises:
        SearchError: The values are of another type, or texts that nobody knows.
    """
    if isinstance(left, Mapping):
        return _range(parameter, pattern, left)
    if not isinstance(left, list | tuple):
        return Fixed(_typed(parameter, pattern, left))
    values = (_typed(parameter, pattern, value) for value in left)
    return _chosen_from(parameter, tuple(dict.fromkeys(values)))


def _chosen_from(parameter: Parameter, choices: tuple[Value, ...]) -> Parameter | Fixed:
    if len(choices) == 1:
        return Fixed(choices[0])
    default = parameter.default if parameter.default in choices else choices[0]
    ordered = parameter.ordered or not parameter.choices
    return Parameter(parameter.name, choices, ordered=ordered, default=default)


def _range(parameter: Parameter, pattern: str, left: Mapping[str, Any]) -> Parameter:
    low, high = (_typed(parameter, pattern, left[key]) for key in ("low", "high"))
    if isinstance(low, str | bool) or isinstance(high, str | bool):
        raise _unlike(f"choices for {pattern!r}, which has no range", dict(left))
    whole = isinstance(low, int)
    step = left.get("step")
    if step is not None:
        _typed(parameter, pattern, step)
    default: Any = min(max(parameter.default, low), high)
    if step is not None:  # the nearest value that the steps reach
        default = low + round((default - low) / step) * step
        default = default if default <= high else default - step
    return Parameter(
        parameter.name,
        low=low,
        high=high,
        step=step,
        log=left.get("log", False),
        whole=whole,
        default=default,
    )


def _typed(parameter: Parameter, pattern: str, value: Any) -> Value:
    """A value in the parameter's own type.

    Raises:
        SearchError: It is of another one, or a text that AutoKeras does not know.
    """
    known = parameter.choices or (1 if parameter.whole else 0.5,)
    if all(isinstance(choice, bool) for choice in known):
        if isinstance(value, bool):
            return value
        expected = "True or False"
    elif all(isinstance(choice, str) for choice in known):
        if value in known:
            return str(value)
        raise UnknownNameError(
            f"Expected one of {', '.join(map(repr, known))} for {parameter.name!r}, "
            f"{received(value)}.{nearest(value, map(str, known))} {_typed_as(pattern)}",
            field="space",
        )
    elif all(isinstance(choice, int) for choice in known):
        if _is_number(value) and isinstance(value, int):
            return value
        expected = "whole numbers"
    else:
        if _is_number(value):
            return float(value)
        expected = "numbers"
    raise SearchError(
        f"Expected {expected} for {parameter.name!r}, {received(value)}. "
        f"{_typed_as(pattern)}",
        field="space",
    )


def _typed_as(pattern: str) -> str:
    return f"It was given as {pattern!r} in space=."


def check_used(space: Space, names: Iterable[str]) -> None:
    """Refuse patterns that match nothing.

    Args:
        space: The person's.
        names: All paths of the space.

    Raises:
        UnknownNameError: With the nearest names.
    """
    names = sorted({*names, *OF_FIT})
    for pattern in unused(space, names):
        shown = ", ".join(names[:_MOST_SHOWN]) + ", ..." * (len(names) > _MOST_SHOWN)
        raise UnknownNameError(
            f"Expected patterns that match parameters of the space, {received(pattern)}"
            f", which matches none.{_nearest(pattern, names)} There are: {shown}.",
            field="space",
        )


def _nearest(pattern: str, names: list[str]) -> str:
    """The name that is most like a pattern, as a whole or by its last word."""
    word = pattern.rpartition("/")[2]
    return nearest(pattern.replace("*", ""), names) or nearest(word, names)


def unused(space: Space, names: Iterable[str]) -> list[str]:
    """The patterns that match none of some paths.

    Args:
        space: The person's.
        names: Paths.
    """
    names = [*names, *OF_FIT]
    return [p for p in space if not any(fnmatchcase(name, p) for name in names)]


def fit_values(
    search: Mapping[str, Any], ask: Callable[[Parameter], Value]
) -> dict[str, Value]:
    """Batch size and epochs of a trial, as far as the search chooses them.

    Args:
        search: The run's description.
        ask: Answers a parameter.
    """
    values: dict[str, Value] = {}
    for name, left in search.get("space", {}).items():
        if name in OF_FIT:
            parameter = fitted(fit_parameter(search, name), name, left)
            if isinstance(parameter, Fixed):
                values[name] = parameter.value
            else:
                values[name] = ask(parameter)
    return values


def fit_parameter(search: Mapping[str, Any], name: str) -> Parameter:
    """Batch size or epochs as a parameter that is not narrowed.

    Args:
        search: The run's description.
        name: One of `OF_FIT`.
    """
    return Parameter(name, whole=True, default=search[name])


def check_fit(space: Space) -> None:
    """Refuse a batch size or a number of epochs that cannot be.

    Args:
        space: From `check_space`.

    Raises:
        SearchError: It is no whole number above 0.
    """
    for name in OF_FIT:
        if name in space:
            one = Parameter(name, whole=True, default=1)
            parameter = fitted(one, name, space[name])
            if isinstance(parameter, Fixed):
                values: tuple[Any, ...] = (parameter.value,)
            else:
                values = parameter.choices or (parameter.low,)
            if min(values) < 1:
                raise _unlike(f"whole numbers above 0 for {name!r}", space[name])


def explore(
    build: Callable[[Callable[[Parameter], Value]], None],
    enough: Callable[[Iterable[str]], bool],
) -> dict[str, Parameter]:
    """The parameters that builds of a space ask for.

    A space tells its parameters only while it is built: which ones a block has may
    depend on a choice. So each name is chosen once; numbers are the largest, because
    a count of layers brings a parameter a layer.

    Args:
        build: Builds the space's graph once with what it is answered.
        enough: Whether the paths that are known suffice.

    Returns:
        The parameters by their paths, in the order in which they were met.
    """
    found: dict[str, Parameter] = {}
    times: dict[str, dict[Value, int]] = {}

    def answer(parameter: Parameter) -> Value:
        found.setdefault(parameter.name, parameter)
        if not parameter.choices:
            return int(parameter.high) if parameter.whole else parameter.high
        if not isinstance(parameter.choices[0], str | bool):
            return max(parameter.choices)
        # The later of equally new ones: True stands behind False.
        counts = times.setdefault(
            parameter.name, dict.fromkeys(reversed(parameter.choices), 0)
        )
        value = min(counts, key=counts.__getitem__)
        counts[value] += 1
        return value

    for _ in range(_MOST_BUILDS):
        build(answer)
        if all(all(counts.values()) for counts in times.values()) or enough(found):
            break
    return found


def _unlike(expected: str, value: Any) -> SearchError:
    return SearchError(
        f"Expected {expected}, {received(value)}. Type {_EXAMPLE}.", field="space"
    )
