"""Folders of runs that are not yet whole, or never were."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from notebook_automl.api.cluster import keep_credentials
from notebook_automl.api.weights import save_data
from notebook_automl.errors import AutoMLError
from notebook_automl.record.files import folder_error, write_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.schema import Schema

# Such a folder is still filled, or what ended its start left no time to remove it.
_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}", re.DOTALL)
_DRAFT_AGE_S = 24 * 3600.0
# Copying more than this takes long enough to say so.
_SAID_BYTES = 100e6


def fill(
    search: Any, folder: RunFolder, schema: Schema, description: dict[str, Any]
) -> None:
    """Make the run's folder with all that a supervisor needs, or nothing at all.

    Args:
        search: A `Search`.
        folder: Where the run is to be.
        schema: Of the data.
        description: What is asked for.

    Raises:
        RunFolderError: The folder cannot be made, or the data not be copied.
    """
    parent = folder.path.parent
    _delete_old(parent)
    # Under a name of its own until it is whole: whatever ends this process, the
    # run's name stands for a whole run or for none.
    draft = RunFolder(parent / f".{folder.name}.{secrets.token_hex(4)}")
    try:
        draft.create()
        if schema.bytes > _SAID_BYTES:
            size = f"{schema.bytes / 1e6:.0f} MB"
            sys.stdout.write(f"Copying {size} of data to {folder.path}\n")
        save_data(search, schema, draft.data)
        write_json(draft.schema, schema.to_json())
        write_json(draft.search, description)
        keep_credentials(draft, search.cluster)
        draft.rename(folder)
    except BaseException as error:  # Ctrl-C, too, must leave nothing behind
        shutil.rmtree(draft.path, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, AutoMLError):
            raise folder_error("copy the data to", folder.data, error) from error
        raise


def _delete_old(parent: Path) -> None:
    """Remove what starts left that were killed before their run was whole."""
    # Nothing that cannot be read or removed may keep a new run from its start.
    with contextlib.suppress(OSError):
        for path in parent.iterdir():
            if _DRAFT.fullmatch(path.name) and (path / "commands").is_dir():
                if time.time() - path.stat().st_mtime > _DRAFT_AGE_S:
                    shutil.rmtree(path, ignore_errors=True)
