"""Several inputs, several outputs, or both: what AutoKeras calls multi-modal data and
multi-task learning.

Each input is prepared and has its block as where it is the only one; AutoKeras's merge
block brings them together, and each output has its head behind that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from notebook_automl.errors import DataError
from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal
from notebook_automl.source.part_names import part_names
from notebook_automl.source.renaming import of_part, suffixed, with_names
from notebook_automl.tasks._baselines import simple
from notebook_automl.tasks._classes import Classification, proposes_classes
from notebook_automl.tasks._images import Images
from notebook_automl.tasks._inputs import Inputs, some_rows
from notebook_automl.tasks._numbers import Regression
from notebook_automl.tasks._tabular import Table
from notebook_automl.tasks._task import Baseline, Metric, Prepared, Space, Split
from notebook_automl.tasks._texts import Texts
from notebook_automl.tasks.multi_label import Anything, MultiLabel

_KINDS: tuple[Inputs, ...] = (Images(), Table(), Texts())
_SETS = ("train", "validation", "test")
_TARGETS = ("TARGET_MEAN", "TARGET_STD")


class Classes(Classification):
    """Classes, as one output; what they are learned from checks itself."""

    inputs = Images()


class Numbers(Regression):
    """A quantity, as one output."""

    inputs = Images()


class _Checked(Anything):
    """Inputs that are checked by themselves."""

    def check(self, schema: Schema) -> None:
        pass


class Labels(MultiLabel):
    """Several labels of 0 and 1, as one output."""

    inputs = _Checked()


class Part(NamedTuple):
    """One input or output.

    Args:
        own: The person's name; "" for the only one.
        name: Its name in code.
        kind: What it is.
        schema: What is known of it alone.
        alone: Whether it is the only input, or the only output.
    """

    own: str
    name: str
    kind: Any
    schema: Schema
    alone: bool

    def suffixed(self, code: Code) -> Code:
        """Code under names of its own; its prepared arrays begin with its name."""
        plain = "frame" if self.schema.shape is None else "x"
        if not self.schema.target.unique:
            names = {plain: self.name}
            names |= {f"x_{each}": f"{self.name}_{each}" for each in _SETS}
        else:
            names = {"y": self.name, "labels": of_part("labels", self.name)}
            names |= {f"y_{each}": f"{self.name}_{each}" for each in _SETS}
        return suffixed(code, self.name, names)


class MultiModal:
    """Classes, numbers or labels from images, tables and texts, one or several."""

    sources = ("several",)
    example = "digits_and_angles"
    example_target = None

    def metrics(self, schema: Schema) -> Mapping[str, Metric]:
        outputs = list(_outputs(schema))
        if not schema.several_outputs:
            found: Mapping[str, Metric] = outputs[0].kind.metrics(outputs[0].schema)
            return found
        return {
            f"{_before(part)}{name}": _of_output(metric, part)
            for part in outputs
            for name, metric in part.kind.metrics(part.schema).items()
        } | {"loss": Metric("", "min")}

    def usual(self, schema: Schema) -> tuple[str, ...]:
        return tuple(
            f"{_before(part)}{name}"
            for part in _outputs(schema)
            for name in part.kind.usual(part.schema)
        )

    def classes(self, schema: Schema) -> int:
        first = next(_outputs(schema))
        return int(first.kind.classes(first.schema))

    def proposes(self, schema: Schema) -> bool:
        return schema.source in self.sources

    def check(self, schema: Schema) -> None:
        for part in (*_inputs(schema), *_outputs(schema)):
            try:
                part.kind.check(part.schema)
            except DataError as error:
                if not part.own:
                    raise
                told = f"In {part.own!r}: {error}"
                raise DataError(told, field="data") from error

    def split(self, schema: Schema, split: Split) -> Code:
        """By the first output: its classes have equal shares in each set."""
        first, *_ = _outputs(schema)
        code: Code = first.kind.split(first.schema, split)
        names = {name: of_part(name, first.name) for name in ("labels", "CLASSES")}
        names |= {"y": first.name or "y"}
        return replace(code, source=with_names(code.source, names))

    def prepare(self, schema: Schema) -> Code:
        inputs, (first, *others) = list(_inputs(schema)), _outputs(schema)
        parts = [
            part.suffixed(part.kind.prepare(part.schema, Code())) for part in inputs
        ]
        parts.append(first.suffixed(first.kind.targets(first.schema)))
        for part in others:
            labels = part.kind.labels(part.schema)
            targets = part.kind.targets(part.schema)
            both = Code((*labels.imports, *targets.imports), "")
            source = f"{labels.source}{targets.source}"
            parts.append(part.suffixed(replace(both, source=source)))
        pieces = [part.source for part in parts]
        if inputs[0].name:
            pieces.insert(len(inputs), _prepare_all(inputs))
        pieces += [_gathered("x", inputs), _gathered("y", [first, *others])]
        imports = dict.fromkeys(line for part in parts for line in part.imports)
        return Code(tuple(imports), "\n".join(pieces))

    def loss(self, schema: Schema) -> Mapping[str, str]:
        outputs = list(_outputs(schema))
        losses = [_with_targets(p, p.kind.loss(p.schema)) for p in outputs]
        if not schema.several_outputs:
            return losses[0]
        found = {}
        for key, usual in (("loss", ""), ("loss_weights", "1.0")):
            if not any(key in one for one in losses):
                continue
            pairs = zip(outputs, losses, strict=True)
            each = [f"{literal(p.name)}: {one.get(key, usual)}" for p, one in pairs]
            found[key] = f"{{{', '.join(each)}}}"
        return found

    def predict(self, schema: Schema) -> Code:
        outputs, inputs = list(_outputs(schema)), list(_inputs(schema))
        decoded = {
            part.own: part.suffixed(
                Code((), part.kind.decoded(part.schema, _scores(part)))
            ).source
            for part in outputs
        }
        pairs = ", ".join(f"{literal(own)}: {code}" for own, code in decoded.items())
        result = f"{{{pairs}}}" if schema.several_outputs else decoded[""]
        told = "Prediction for each raw row"
        rows = [
            part.suffixed(Code((), some_rows(part.schema))).source for part in inputs
        ]
        some = ", ".join(
            f"{literal(part.own)}: {code}"
            for part, code in zip(inputs, rows, strict=True)
        )
        return Code(
            imports=("import numpy as np",),
            source=f'''\
def predict(rows):
    """{told}{", by the outputs' names" * schema.several_outputs}."""
    scores = model.predict(prepare(rows), verbose=0)
    return {result}


print(predict({f"{{{some}}}" if inputs[0].own else rows[0]}))
''',
        )

    def baselines(
        self, schema: Schema, prepared: Prepared, most: int
    ) -> Mapping[str, Baseline]:
        features = {part.name: part.kind.features for part in _inputs(schema)}
        outputs = {p.name: p.kind.simple(p.schema) for p in _outputs(schema)}
        return simple(prepared, features, outputs, most)

    def space(self, autokeras: Any, schema: Schema, prepared: Prepared) -> Space:
        """A block an input, merged, and a head an output, in the order of names."""
        parts = sorted(_inputs(schema), key=lambda part: part.name)
        nodes = [
            part.kind.space(autokeras, part.schema, prepared, part.name)
            for part in parts
        ]
        limits = {path: left for node in nodes for path, left in node.limits.items()}
        # Keras gives each of its whole networks one name, which a model has once.
        images = [part.name for part in parts if isinstance(part.kind, Images)]
        limits |= {f"{name}/block_type": ("vanilla",) for name in images[1:]}
        merged = nodes[0].node
        if len(nodes) > 1:
            merged = autokeras.Merge(name="merge")([node.node for node in nodes])
        heads = [
            part.kind.head(autokeras, part.schema, prepared, part.name)
            for part in sorted(_outputs(schema), key=lambda part: part.name)
        ]
        outputs = [head(merged) for head in heads]
        return Space([node.inputs for node in nodes], outputs, limits)


def _inputs(schema: Schema) -> Iterator[Part]:
    names, _ = part_names(schema.inputs, schema.targets)
    for own, one in schema.inputs.items():
        kind = next(kind for kind in _KINDS if kind.fits(one))
        yield Part(own, names[own], kind, one, len(names) == 1)


def _outputs(schema: Schema) -> Iterator[Part]:
    _, names = part_names(schema.inputs, schema.targets)
    for own, target in schema.targets.items():
        one = replace(schema, target=target, inputs={}, targets={})
        if target.labels:
            kind: Any = Labels()
        else:
            kind = Classes() if proposes_classes(one) else Numbers()
        yield Part(own, names[own], kind, one, len(names) == 1)


def _before(part: Part) -> str:
    """What stands before the names of an output's metrics: nothing, if alone."""
    return "" if part.alone else f"{part.name}_"


def _scores(part: Part) -> str:
    """An expression for what the model gives for one output."""
    return f"scores[{literal(part.name)}]" if part.name else "scores"


def _of_output(metric: Metric, part: Part) -> Metric:
    """A metric as that of one output."""
    names = {name: of_part(name, part.name) for name in _TARGETS}
    code = with_names(metric.code, names) if metric.code else ""
    return replace(metric, code=code, output=part.name)


def _with_targets(part: Part, loss: Mapping[str, str]) -> dict[str, str]:
    names = {name: of_part(name, part.name) for name in _TARGETS}
    return {key: with_names(code, names) for key, code in loss.items()}


def _prepare_all(inputs: list[Part]) -> str:
    """The function that prepares raw rows of all inputs."""
    lines = []
    for part in inputs:
        rows = f"rows[{literal(part.own)}]"
        # Columns of an array have numbers for names once it is a table.
        rows = f"pd.DataFrame({rows})" if part.schema.dtype == "array" else rows
        call = f"{of_part('prepare', part.name)}({rows})"
        lines.append(f"        {literal(part.name)}: {call},\n")
    return f'''\

def prepare(rows):
    """Raw rows of each input as arrays, by the names that the model knows."""
    return {{
{"".join(lines)}    }}


'''


def _gathered(axis: str, parts: list[Part]) -> str:
    """Statements that leave the prepared arrays of all inputs, or of all outputs."""
    if not parts[0].name:
        return ""
    lines = []
    for each in _SETS:
        pairs = ", ".join(f"{literal(p.name)}: {p.name}_{each}" for p in parts)
        lines.append(f"{axis}_{each} = {{{pairs}}}")
    return "\n".join(lines) + "\n"


PLUGIN = MultiModal()
