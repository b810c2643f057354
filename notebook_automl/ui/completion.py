"""What may be typed next after `%automl`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from IPython import get_ipython
from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from notebook_automl.data._source import SOURCES
from notebook_automl.export._exporter import EXPORTERS
from notebook_automl.plots._plot import PLOTS
from notebook_automl.record.layout import RunFolder, runs_folder
from notebook_automl.ui import options, verbs

_MAGIC = re.compile(r"\s*(?:\w+\s*=\s*)?%%?automl\s+")
_WORD = re.compile(r"""(?:\\.|[^\s"']|"(?:[^"\\]|\\.)*(?:"|$)|'[^']*(?:'|$))+""")
_QUOTES = ("'", '"')


@context_matcher()  # type: ignore[untyped-decorator]
def complete(context: CompletionContext) -> SimpleMatcherResult:
    """IPython's matcher: verbs, options, and what stands after them.

    IPython's older hook for this gives a completer the characters since the last space
    or quote; this one lets a name with spaces be one word.
    """
    shell, line = get_ipython(), context.text_until_cursor
    magic = _MAGIC.match(line)
    if magic is None or shell is None:
        return SimpleMatcherResult(completions=[])
    words, fragment = _split(line[magic.end() :])
    quote = fragment[:1] if fragment[:1] in _QUOTES else ""
    after = context.line_with_cursor[context.cursor_position :]
    closed = bool(quote) and after.startswith(quote)
    typed = fragment[len(quote) :].casefold()
    texts = [
        _quoted(text, quote, closed)
        for text in candidates(words, fragment, shell.user_ns)
        if text.casefold().startswith(typed)
    ]
    return SimpleMatcherResult(
        completions=[SimpleCompletion(text, type="automl") for text in texts],
        matched_fragment=fragment,
        ordered=True,
        suppress=bool(texts),
    )


def candidates(
    words: list[str], fragment: str, variables: Mapping[str, Any]
) -> list[str]:
    """What may stand after whole words.

    Args:
        words: What stands before it, without the magic.
        fragment: How it begins, with its quote.
        variables: The notebook's.
    """
    if not words:
        return [*verbs.VERBS, "--help"]
    if words[0] not in verbs.VERBS:
        return []
    parser = verbs.parser_of(words[0], "%automl")
    known = parser.options()
    if known.get(words[-1]):
        return _values(words[-1].removeprefix("--"), words, "", variables)
    if fragment.startswith("-"):
        return [*known, "--help"]
    given = [
        word
        for before, word in pairwise(words)
        if word not in known and not known.get(before)
    ]
    expected = parser.positionals()[len(given) :]
    if expected:
        values = _values(expected[0], words, fragment, variables)
        if values or fragment:
            return values
    return [*known, "--help"]


def data_names(variables: Mapping[str, Any]) -> list[str]:
    """The variables that can be searched, or be one of a pair of arrays.

    Args:
        variables: The notebook's.
    """
    sources = [SOURCES.get(name) for name in SOURCES.names()]
    return [
        name
        for name, value in list(variables.items())
        if not name.startswith("_")
        and not isinstance(value, type)
        and (
            hasattr(value, "__array__")
            or any(source.accepts(value) for source in sources)
        )
    ]


def _values(
    name: str, words: list[str], fragment: str, variables: Mapping[str, Any]
) -> list[str]:
    """What may stand for an argument or after an option, given the words before."""
    match name:
        case "data":
            first, comma, _ = fragment.rpartition(",")
            names = data_names(variables)
            if comma:  # the second of two arrays
                names = [n for n in names if not hasattr(variables[n], "columns")]
            return [f"{first}{comma}{name}" for name in names]
        case "target":
            tables = [variables[word] for word in words[1:] if word in variables]
            columns = [c for t in tables for c in getattr(t, "columns", ())]
            return [text for text in map(str, columns) if text.isprintable()]
        case "name" | "warm-start":
            return _run_names(_after("--folder", words))
        case "plot":
            return list(PLOTS.names())
        case "kind":
            return list(EXPORTERS.names())
    return list(options.choices(name, _after("--task", words) or "auto"))


def _run_names(folder: str | None) -> list[str]:
    """The newest first."""
    parent = runs_folder(folder)
    paths = list(parent.iterdir()) if parent.is_dir() else []
    runs = [path for path in paths if RunFolder(path).search.exists()]
    runs.sort(key=lambda path: RunFolder(path).search.stat().st_mtime, reverse=True)
    return [path.name for path in runs if path.name.isprintable()]


def _after(option: str, words: list[str]) -> str | None:
    return next((word for before, word in pairwise(words) if before == option), None)


def _split(line: str) -> tuple[list[str], str]:
    """Whole words, and the one that is being typed as it stands there."""
    words = _WORD.findall(line)
    fragment = words.pop() if words and line.endswith(words[-1]) else ""
    return [plain for word in words for plain in shlex.split(word)], fragment


def _quoted(text: str, quote: str, closed: bool) -> str:
    """A candidate as it must be typed; `closed` if its last quote stands there."""
    if not quote and shlex.quote(text) == text:
        return text
    quote = quote or '"'
    if quote == '"':
        text = re.sub(r'(["\\])', r"\\\1", text)
    return f"{quote}{text}" + quote * (not closed)
