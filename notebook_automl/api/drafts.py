"""Folders of runs that were never whole."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from pathlib import Path

# Such a folder is still filled, or what ended its start left no time to remove it.
_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}", re.DOTALL)
_DRAFT_AGE_S = 24 * 3600.0


def delete_old_drafts(parent: Path) -> None:
    """Remove what starts left that were killed before their run was whole.

    Args:
        parent: The folder of runs.
    """
    # Nothing that cannot be read or removed may keep a new run from its start.
    with contextlib.suppress(OSError):
        for path in parent.iterdir():
            if _DRAFT.fullmatch(path.name) and (path / "commands").is_dir():
                if time.time() - path.stat().st_mtime > _DRAFT_AGE_S:
                    shutil.rmtree(path, ignore_errors=True)
