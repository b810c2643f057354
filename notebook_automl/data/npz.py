"""An .npz file with arrays x and y."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from notebook_automl.data._files import has_suffix, path_of_file, read_file
from notebook_automl.data._source import Origin, Source
from notebook_automl.data.arrays import PLUGIN as ARRAYS
from notebook_automl.data.arrays import Arrays
from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal


class NPZ(Arrays):
    """Arrays in .npz files, kept as .npy files."""

    accepted = "the path of an .npz file with x and y"

    def accepts(self, data: Any) -> bool:
        return has_suffix(data, (".npz",))

    def describe(self, data: Any, target: Any, variables: tuple[str, ...]) -> Schema:
        schema = super().describe(_pair(data), target, variables)
        return replace(schema, source="npz", path=str(path_of_file(data)))

    def save(self, data: Any, schema: Schema, folder: Path) -> None:
        super().save(_pair(data), schema, folder)

    def load_code(self, schema: Schema, origin: Origin) -> Code:
        if origin.kind == "copy":
            return super().load_code(schema, origin)
        code = super().load_code(schema, Origin("file", origin.names))
        if origin.kind != "variable":
            return code
        name = origin.names[0]
        source = code.source.replace(f"np.load({literal(name)}", f"np.load({name}")
        return Code(code.imports, source)

    def pair(self, data: Any) -> Any:
        """The arrays of a file.

        Args:
            data: Its path.
        """
        return _pair(data)

    def example(self, folder: Path) -> tuple[Any, str | int | None]:
        import numpy as np

        (x, y), target = ARRAYS.example(folder)
        path = folder / "images.npz"
        np.savez(path, x=x, y=y.astype(str))
        return path, target


def _pair(data: Any) -> Any:
    import numpy as np

    def read(path: Path) -> tuple[Any, Any]:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["x"], arrays["y"]

    return read_file(data, read)


PLUGIN: Source = NPZ()
