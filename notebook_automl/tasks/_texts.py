"""Texts as codes of their words, and AutoKeras's block for them."""

from __future__ import annotations

from typing import Any

from notebook_automl.errors import DataError
from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.source.naming import named
from notebook_automl.source.renaming import of_part
from notebook_automl.tasks import _baselines, _tabular
from notebook_automl.tasks._initial import TEXT, Configuration
from notebook_automl.tasks._inputs import Node, is_table, under
from notebook_automl.tasks._task import Limits, Prepared

_CPU_LIMITS: Limits = {
    # A recurrent layer takes a second a step on one core, the widest others as long.
    "text/block_type": ("vanilla", "pooled"),
    "text/*/embedding_dim": (32, 64, 128),
    "text/*/kernel_size": (3, 5),
    "text/*/filters_*": (16, 32, 64),
    "text/*/units_*": (16, 32, 64, 128, 256),
}

# Texts longer than most are cut, and none is longer than this.
_MOST_WORDS_A_TEXT = 400
_PREPARE = f'''\
# A word, or else one character: a mark, or a sign of Chinese or Japanese.
WORD = re.compile(r"[^\\W\\u3040-\\u30ff\\u3400-\\u9fff]+|\\S")


def words(text):
    """The words of a text in lower case."""
    return WORD.findall(text.lower())


{{texts}}train_words = [words(text) for text in {{train}}]
counts = Counter(word for row in train_words for word in row)
# Codes by frequency in the training rows: 0 pads, 1 stands for every other word. Words
# that occur once are among these, so that the model learns what an unknown word means.
common = [word for word, count in counts.most_common(20_000) if count > 1]
VOCABULARY = {{{{word: code for code, word in enumerate(common, start=2)}}}}
CODES = len(VOCABULARY) + 2
# Most texts keep all their words.
LENGTH = int(np.percentile([len(row) for row in train_words], 95))
LENGTH = min(max(LENGTH, 1), {_MOST_WORDS_A_TEXT})


def prepare({{rows}}):
    """Raw {{rows}} as int32 codes of words (samples, LENGTH), padded in front."""
    codes = np.zeros((len({{rows}}), LENGTH), "int32")
    for row, text in zip(codes, {{each}}, strict=True):
        known = [VOCABULARY.get(word, 1) for word in words(text)[:LENGTH]]
        row[LENGTH - len(known) :] = known
    return codes


'''
_FROM_TABLE = {
    "texts": _tabular.TEXTS + "\n\n",
    "train": "texts(frame.iloc[train_rows])",
    "rows": "rows",
    "each": "texts(rows)",
}
_FROM_ARRAY = {
    "texts": "",
    "train": "x[train_rows]",
    "rows": "texts",
    "each": "texts",
}


class Texts:
    """Texts in an array, or in the columns of a table that hold free text."""

    sources: tuple[str, ...] = ("texts", *_tabular.SOURCES)
    features = _baselines.TEXTS

    def fits(self, schema: Schema) -> bool:
        if not is_table(schema):
            return schema.source in self.sources
        return schema.source in self.sources and _tabular.is_all_text(schema)

    def check(self, schema: Schema) -> None:
        if is_table(schema) and not schema.names("text"):
            names = ", ".join(repr(column.name) for column in schema.columns[:10])
            raise DataError(
                f"Expected a column of free text, several words a row and hardly "
                f"repeated, got none among {names} (DataFrame). Type Search((texts, "
                "labels)) with the texts and labels themselves.",
                field="data",
            )

    def prepare(self, schema: Schema, targets: Code) -> Code:
        table = is_table(schema)
        code = _PREPARE.format(**(_FROM_TABLE if table else _FROM_ARRAY))
        rows = "frame.iloc[{}_rows]" if table else "x[{}_rows]"
        sets = [
            f"x_{name} = prepare({rows.format(name)})"
            for name in ("train", "validation", "test")
        ]
        return Code(
            imports=(
                "import re",
                "from collections import Counter",
                "import numpy as np",
                *targets.imports,
            ),
            source=code + "\n".join([*sets, targets.source]),
        )

    def initial(self, accelerated: bool) -> tuple[Configuration, ...]:
        return TEXT

    def space(
        self, autokeras: Any, schema: Schema, prepared: Prepared, name: str = ""
    ) -> Node:
        # AutoKeras may be loaded by whoever builds a space, not by who lists tasks.
        from notebook_automl.tasks._autokeras import WordsBlock

        inputs = autokeras.TextInput(name=f"{name}_input" if name else "words")
        constant = of_part("CODES", name)
        codes = named(int(prepared.constants[constant]), constant)
        node = WordsBlock(codes=codes, name=name or "text")(inputs)
        limits = {} if prepared.accelerated else _CPU_LIMITS
        return Node(inputs, node, under(name, limits, "text"))
