"""Weights of rows, beside the data of any source."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_automl.data._source import OURS, SOURCES, Origin, Source, written_at_once
from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE = "sample_weight.npy"
_CHECK = """\
sample_weight = {values}
WEIGHTS_FINGERPRINT = {fingerprint}
weights_fingerprint = hashlib.sha256(sample_weight.tobytes()).hexdigest()
if weights_fingerprint != WEIGHTS_FINGERPRINT:
    raise ValueError(
        "These are not the weights that the search saw: expected the fingerprint "
        f"{{WEIGHTS_FINGERPRINT}}, got {{weights_fingerprint}} (str) of "
        f"{{len(sample_weight)}} rows. Load the same ones, or start a new search."
    )
"""


class Weighted:
    """A source whose rows have weights.

    Args:
        source: The source of the data themselves.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.accepted = source.accepted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def load_code(self, schema: Schema, origin: Origin) -> Code:
        """The source's own code, then `sample_weight`, one number a row."""
        weight = schema.weight
        own = weight is not None and weight.column is None
        of_data = origin
        if origin.kind == "variable" and own:
            of_data = Origin(origin.kind, origin.names[:-1])
        code = self._source.load_code(schema, of_data)
        values = _values(schema, origin)
        fingerprint = literal(weight.fingerprint if weight else "")
        check = _CHECK.format(values=values, fingerprint=fingerprint)
        imports = ("import hashlib", "import numpy as np")
        return Code((*code.imports, *imports), f"{code.source}\n{check}")

    def save_beside(self, folder: Path, path: Path) -> Path:
        """The source's own file, and one of weights beside it."""
        beside = self._source.save_beside(folder, path)
        import numpy as np

        with written_at_once(beside_of(beside), _is_ours) as aside:
            np.savez_compressed(aside, sample_weight=np.load(folder / _FILE))
            with zipfile.ZipFile(aside, "a") as archive:
                archive.comment = OURS
        return beside


def source_of(schema: Schema) -> Any:
    """The source of data that were described.

    Args:
        schema: The data.
    """
    source = SOURCES.get(schema.source)
    return source if schema.weight is None else Weighted(source)


def beside_of(path: Path) -> Path:
    """Where the weights stand beside a file of data."""
    return path.with_suffix(".sample_weight.npz")


def _is_ours(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment == OURS
    except (OSError, zipfile.BadZipFile):
        return False


def save(weights: NDArray[Any], folder: Path) -> None:
    """Copy weights beside saved data.

    Args:
        weights: From `float32`.
        folder: The data's.
    """
    import numpy as np

    np.save(folder / _FILE, weights, allow_pickle=False)


def fingerprint(weights: NDArray[Any]) -> str:
    """SHA-256 over the weights, as the generated code computes it."""
    return hashlib.sha256(weights.tobytes()).hexdigest()


def _values(schema: Schema, origin: Origin) -> str:
    """An expression for the weights of the rows that are loaded."""
    if origin.kind == "copy":
        return f"np.load({literal(str(Path(origin.names[0], _FILE)))})"
    if origin.kind == "file":
        path = literal(str(beside_of(Path(origin.names[0]))))
        return f'np.load({path})["sample_weight"]'
    weight = schema.weight
    targets = "TARGET" if schema.target.labels else "[TARGET]"
    if weight is not None and weight.column is not None:
        rows = f"{origin.names[0]}.dropna(subset={targets})"
        return f'{rows}[{literal(weight.column)}].to_numpy("float32")'
    values = f'np.asarray({origin.names[-1]}, "float32")'
    if schema.shape is None:
        labels = f"{origin.names[0]}[{targets}]"
        return f"{values}[{labels}.notna().all(axis=1).to_numpy()]"
    return values
