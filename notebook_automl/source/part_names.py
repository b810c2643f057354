"""What inputs and outputs are called in code: identifiers, whatever a person typed."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator

# What programs call their own things.
_TAKEN = frozenset(
    (
        *keyword.kwlist,
        *keyword.softkwlist,
        *dir(builtins),
        *("keras", "layers", "ops", "np", "pd", "os", "re", "hashlib", "zipfile"),
        *("x", "y", "frame", "arrays", "archive", "digest", "hashes"),
        *("fingerprint", "rows", "train_rows", "validation_rows", "test_rows", "row"),
        *("x_train", "x_validation", "x_test", "y_train", "y_validation", "y_test"),
        *("labels", "targets", "prepare", "scaler", "numbers", "encoder", "topics"),
        *("categories", "train_words", "counts", "common", "word"),
        *("inputs", "outputs", "hidden", "normalization", "model", "callbacks"),
        *("history", "test_metrics", "predict", "scores", "differences"),
        *("merge", "optimizer", "learning_rate", "batch_size", "epochs", "loss"),
        *("val", "test", "best", "data", "prepared", "schema", "sys", "tf", "torch"),
        *("make_pipeline", "train_test_split", "fmean", "pstdev", "splitter"),
        *("options", "train_set", "validation_set", "folds", "fold", "train"),
        *("validation", "prepare_sets", "build_model", "compile_model", "train_fold"),
        *("curves", "best_epochs", "validation_metrics", "name", "values", "part"),
        *("estimator", "flat", "codes_of_words", "codes", "samples", "known"),
        *("make_union", "every", "each", "column", "given", "scorer"),
        *("groups", "times", "draw", "sample_weight", "sample_weight_train"),
        *(
            "weights_fingerprint",
            "make_scorer",
            "score_fold",
            "score",
            "fresh_callbacks",
            "balanced",
        ),
    )
)
# Beside one input without a name, no output can be called so.
_OF_INPUTS = frozenset(("table", "text", "texts", "words"))
# Keras calls a layer by its class, with a number behind it from the second on.
_LAYERS = re.compile(
    r"(activation|add|batch_normalization|bidirectional|cast_to_float32|concatenate"
    r"|(separable_)?conv\d_?d|dense|dropout|embedding|flatten|functional|gru|lstm"
    r"|global_(average|max)_pooling\d_?d|input_layer|max_pooling\d_?d|normalization"
    r"|random_\w+|re_lu|rescaling|resizing|softmax|(efficientnet|resnet|xception)\w*)"
    r"(_\d+)?(_outputs)?"
)
# What stands before or behind the name of a part in the names of what is its own.
_BEFORE = (
    *("prepare", "scaler", "numbers", "encoder", "categories", "topics", "texts"),
    *("words", "train_words", "counts", "common", "labels", "targets", "digest"),
    *("hashes", "fingerprint", "arrays", "table", "text", "x", "y", "val", "test"),
    *("estimator", "outputs"),
)
_BEHIND = (
    *("train", "validation", "test", "inputs", "outputs", "features", "loss"),
    "normalization",
)
# Files have these names, too, with more in front and behind.
_LONGEST = 60


def part_names(
    inputs: Iterable[str], outputs: Iterable[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Names for code, as much like the person's own as can be.

    Args:
        inputs: The person's names of what is learned from; "" for the only one.
        outputs: Theirs of what is predicted; "" for the only one.

    Returns:
        For each its name in code, an identifier of small ASCII letters that no other
        part has and that programs and Keras do not use themselves; "" for "".
    """
    given: set[str] = set()

    def named(kind: str, names: Iterable[str]) -> dict[str, str]:
        found = {}
        taken = _OF_INPUTS if kind == "output" else ()
        for place, name in enumerate(names):
            found[name] = next(
                word
                for word in _candidates(name, kind, place)
                if name == "" or (_is_free(word, given) and word not in taken)
            )
            given.add(found[name])
        return found

    return named("input", inputs), named("output", outputs)


def _candidates(name: str, kind: str, place: int) -> Iterator[str]:
    if name == "":
        yield ""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    word = re.sub(r"[^a-z0-9]+", "_", plain.lower())[:_LONGEST].strip("_")
    if word and not word[0].isdigit():
        yield word
    if word:
        yield f"{kind}_{word}"
    number = place + 1
    while True:
        yield f"{kind}_{number}"
        number += 1


def _is_free(word: str, given: set[str]) -> bool:
    """Whether neither the word nor what is made of it means anything else."""
    if word in _TAKEN or _LAYERS.fullmatch(word):
        return False
    return not _made_of(word) & {n for other in given for n in _made_of(other)}


def _made_of(word: str) -> set[str]:
    behind = {f"{word}_{more}" for more in _BEHIND}
    return {word, *behind, *(f"{before}_{word}" for before in _BEFORE)}
