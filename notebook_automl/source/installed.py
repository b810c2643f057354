"""What a worker can import, which does not see the notebook's folder."""

from __future__ import annotations

import functools
import os
import site
import sys
import sysconfig
from pathlib import Path
from typing import Any


def home_of(thing: Any, name: str) -> str | None:
    """The public module of an installed package that has a function, class or object.

    Args:
        thing: What is looked for.
        name: What the notebook calls it.
    """
    module = getattr(thing, "__module__", None)
    if not isinstance(module, str) or not is_installed(module):
        return None
    names = {name, getattr(thing, "__name__", name)}
    if _is_public(module) and _has(module, names, thing):
        return module
    top = module.partition(".")[0]
    homes = [
        other
        for other in list(sys.modules)
        if other.partition(".")[0] == top
        and _is_public(other)
        and _has(other, names, thing)
    ]
    return min(homes, key=lambda home: (home.count("."), home), default=None)


def is_installed(module: str) -> bool:
    """Whether a worker can import a module, which does not see the notebook's folder.

    Args:
        module: Its full name.
    """
    top = module.partition(".")[0]
    if top == "__main__":
        return False
    if top in sys.stdlib_module_names:
        return True
    held = sys.modules.get(top)
    places = [*getattr(held, "__path__", ()), getattr(held, "__file__", None)]
    first = next((place for place in places if place), None)
    return first is not None and Path(first).absolute().parent in _folders(
        os.environ.get("PYTHONPATH", "")
    )


def _has(module: str, names: set[str], thing: Any) -> bool:
    held = vars(sys.modules[module]) if module in sys.modules else {}
    return any(held.get(name) is thing for name in names)


def _is_public(module: str) -> bool:
    parts = module.split(".")
    return not any(part.startswith("_") or part == "src" for part in parts)


@functools.cache
def _folders(given: str) -> tuple[Path, ...]:
    """Where packages are found by every process that this one starts now."""
    paths = sysconfig.get_paths()
    found = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [*site.getsitepackages(), site.getusersitepackages()]
    found += [path for path in given.split(os.pathsep) if path]
    return tuple(Path(path).absolute() for path in found)
