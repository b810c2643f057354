"""Whether a run of that name is the one that is asked for."""

from __future__ import annotations

from typing import Any

from notebook_automl.errors import RunDiffersError
from notebook_automl.record.files import folder_error, read_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.schema import Schema

# Fields that say where, when and by how many, not what: a second start of a name may
# differ in them. Budgets are compared: who asks for more shall type run.extend().
_NOT_COMPARED = ("name", "folder", "started_s", "workers", "cluster", "first")


def is_run(folder: RunFolder) -> bool:
    """Whether the name is taken by a whole run.

    Args:
        folder: Where it would be.

    Raises:
        RunFolderError: Nobody can say.
    """
    try:
        return folder.search.exists()
    except OSError as error:
        raise folder_error("make the run folder", folder.path, error) from error


def check_same(folder: RunFolder, description: dict[str, Any], schema: Schema) -> None:
    """Refuse to attach to a run that was asked for something else.

    Args:
        folder: The run.
        description: What is asked for now.
        schema: Of which data.

    Raises:
        RunDiffersError: With what differs.
    """
    before = read_json(folder.search)
    old_schema = Schema.from_json(read_json(folder.schema))
    differences = [
        f"{key} is {before[key]!r} there and {value!r} here"
        for key, value in description.items()
        if key in before and key not in _NOT_COMPARED and before[key] != value
        # What the first worker has decided since.
        if (key, value) != ("device", "auto")
    ]
    same = old_schema.beside == schema.beside
    if old_schema.fingerprint != schema.fingerprint or not same:
        differences.append("the data differ")
    if differences:
        raise RunDiffersError(
            f"The name {folder.name!r} is taken by a run that differs: "
            f"{'; '.join(differences)}. Choose another name=, or delete that run with "
            f"notebook_automl.attach({folder.name!r}).delete().",
            field="name",
        )
