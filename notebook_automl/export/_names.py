"""A program under other names, for a notebook in which its own ones are taken."""

from __future__ import annotations

import io
import symtable
import tokenize
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

from notebook_automl.source.format import formatted
from notebook_automl.source.program import Program


def assigned(program: Program) -> set[str]:
    """The variables that a program leaves.

    Args:
        program: Any program.
    """
    symbols = symtable.symtable(program.to_text(), "program", "exec").get_symbols()
    return {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}


def unlike(name: str, taken: Collection[str]) -> str:
    """A name that is not taken, and reads like the given one.

    Args:
        name: A name.
        taken: Names that it must not be.
    """
    prefix = "TRIAL_" if name.isupper() else "trial_"
    while name in taken:
        name = prefix + name
    return name


def renamed(program: Program, names: Mapping[str, str]) -> Program:
    """The same program with other names.

    Args:
        program: A program as we generate it: arguments that are given by their names
            are those of libraries, and stay.
        names: Old to new; all are changed at once, so that two may be exchanged.
    """
    text = _renamed(program.to_text(), names)
    changed = Program.from_text(formatted(text))
    # Definitions stand by themselves, and a person's own may use any name within.
    kept = {cell.id: cell for cell in program.cells if cell.id == "define"}
    return Program(tuple(kept.get(cell.id, cell) for cell in changed.cells))


def _renamed(text: str, names: Mapping[str, str]) -> str:
    lines = text.splitlines(keepends=True)
    # From the end, so that the places before stay where they are.
    for token, new in reversed(list(_changes(text, names))):
        row, start = token.start
        line = lines[row - 1]
        lines[row - 1] = line[:start] + new + line[token.end[1] :]
    return "".join(lines)


def _changes(
    text: str, names: Mapping[str, str]
) -> Iterator[tuple[tokenize.TokenInfo, str]]:
    """Each token to replace, and what stands there instead."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    depth, imports, before = 0, False, ""
    for token, after in pairwise(tokens):
        word = token.string
        if token.type == tokenize.NEWLINE:
            imports = False
        elif word in ("import", "from"):
            imports = True
        elif token.type == tokenize.OP:
            depth += (word in "([{") - (word in ")]}")
        elif token.type == tokenize.STRING and _is_formatted(word):
            # Before Python 3.12 an f-string is one token.
            yield token, _in_braces(word, names)
        elif token.type == tokenize.NAME and word in names:
            argument = after.string == "=" and depth > 0
            if imports:
                yield from _import_changes(token, before, after.string, names[word])
            elif before != "." and not argument:
                yield token, names[word]
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            before = word


def _import_changes(
    token: tokenize.TokenInfo, before: str, after: str, new: str
) -> Iterator[tuple[tokenize.TokenInfo, str]]:
    """In an import only what it binds has another name."""
    if before == "as":
        yield token, new
    elif "." not in (before, after) and before != "from" and after != "as":
        yield token, f"{token.string} as {new}"


def _is_formatted(word: str) -> bool:
    return "f" in word[: len(word) - len(word.lstrip("rRbBuUfF"))].lower()


def _in_braces(word: str, names: Mapping[str, str]) -> str:
    """An f-string with other names in its fields, which hold no strings in ours."""
    parts = word.replace("{{", "\0").split("{")
    fields = [part.partition("}") for part in parts[1:]]
    texts = [f"{{{_renamed(code, names)}}}{rest}" for code, _, rest in fields]
    return "".join([parts[0], *texts]).replace("\0", "{{")
