"""A room is a package whose files are plugins: a file's name is its plugin's name.

Nothing is listed anywhere. A file without a leading underscore is one, and so is an
installed entry point whose group is the package's name. A package within is another
room. Nothing is imported before
somebody asks for it by its name.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from notebook_automl.errors import AutoMLError, UnknownNameError, nearest, received


class Room:
    """The plugins of one package.

    Args:
        package: The package's dotted name, also the group of its entry points.
        kind: What one of them is called in messages.
        field: The field of ``Search`` that takes such a name, where there is one.
    """

    def __init__(
        self, package: str, kind: str = "plugin", field: str | None = None
    ) -> None:
        self.package = package
        self.kind = kind
        self.field = field

    def names(self) -> tuple[str, ...]:
        """List what there is, sorted, without importing any of it."""
        return tuple(sorted({*self._files(), *self._installed()}))

    def get(self, name: str) -> Any:
        """Import a plugin on its first use.

        Args:
            name: One of ``names()``. A file wins over an entry point of its name.

        Returns:
            The attribute ``PLUGIN`` of the plugin's module, or the very object that
            an entry point names.

        Raises:
            UnknownNameError: No plugin has this name.
            AutoMLError: The plugin's module has no ``PLUGIN``.
        """
        if isinstance(name, str) and name in self._files():
            return self._plugin(importlib.import_module(f"{self.package}.{name}"))
        self.check(name)
        loaded = self._installed()[name].load()
        return self._plugin(loaded) if isinstance(loaded, ModuleType) else loaded

    def check(self, name: object) -> None:
        """Refuse what no plugin is called, without importing any.

        Args:
            name: Anything.

        Raises:
            UnknownNameError: No plugin has this name.
        """
        names = self.names()
        if isinstance(name, str) and name in names:
            return
        article = "an" if self.kind[0] in "aeiou" else "a"
        raise UnknownNameError(
            f"Expected the name of {article} {self.kind}, {received(name)}."
            f"{nearest(name, names)} There are: {', '.join(names) or 'none'}.",
            field=self.field,
        )

    def _files(self) -> set[str]:
        spec = importlib.util.find_spec(self.package)
        folders = spec.submodule_search_locations if spec else None
        found = pkgutil.iter_modules(folders or [])
        names = (module.name for module in found if not module.ispkg)
        return {name for name in names if not name.startswith("_")}

    def _installed(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.package)}

    def _plugin(self, module: ModuleType) -> Any:
        if not hasattr(module, "PLUGIN"):
            raise AutoMLError(
                f"{module.__name__} is no {self.kind}: expected a module with the "
                "attribute PLUGIN. Write PLUGIN = ... at the end of its file."
            )
        return module.PLUGIN
