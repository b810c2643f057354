"""Code under other names: of a notebook in which its own are taken, or of one part of
several that would use the same ones."""

from __future__ import annotations

import ast
import io
import symtable
import tokenize
from collections.abc import Iterator, Mapping
from itertools import pairwise

from notebook_automl.source.code import Code

# What the set-up cell leaves is the same for all parts.
_COMMON = ("SEED", "CHECKPOINT")


def assigned(text: str) -> set[str]:
    """The variables that a module leaves.

    Args:
        text: Its source.
    """
    symbols = symtable.symtable(text, "program", "exec").get_symbols()
    return {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}


def suffixed(code: Code, name: str, others: Mapping[str, str]) -> Code:
    """The same piece of code with names of its own, so that several can stand together.

    Args:
        code: Statements; what they assign, and all constants that they know, get
            `name` behind their own name.
        name: An identifier, say "photo"; "" changes nothing.
        others: Other names to change, each with the new one.
    """
    if not name:
        return code
    known = {n.id for n in ast.walk(ast.parse(code.source)) if isinstance(n, ast.Name)}
    constants = {n for n in known if n.isupper() and n not in _COMMON}
    names = {n: of_part(n, name) for n in assigned(code.source) | constants}
    return Code(code.imports, with_names(code.source, names | dict(others)))


def of_part(name: str, part: str) -> str:
    """The name that a variable of one part of several has.

    Args:
        name: Its name where there is one part only.
        part: The part's, an identifier; "" for the only one.
    """
    if not part:
        return name
    return f"{name}_{part.upper() if name.isupper() else part}"


def with_names(text: str, names: Mapping[str, str]) -> str:
    """The same source with other names.

    Args:
        text: Code as we generate it: arguments that are given by their names are those
            of libraries, and stay.
        names: Old to new; all are changed at once, so that two may be exchanged.
    """
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
    texts = [f"{{{with_names(code, names)}}}{rest}" for code, _, rest in fields]
    return "".join([parts[0], *texts]).replace("\0", "{{")
