"""A person's own functions and classes as source, with all that they need.

They are never pickled, nor run here: what travels is text. A function brings along the
imports, the plain constants and the other functions and classes of the notebook that
it names; what else it needs is refused by its name.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import io
import linecache
import symtable
import sys
import textwrap
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, MethodType, ModuleType
from typing import Any

from notebook_automl.errors import SearchError, received
from notebook_automl.source.code import Code
from notebook_automl.source.installed import home_of, is_installed
from notebook_automl.source.literals import literal

# Generated programs have it, whether or not the notebook does.
_ALWAYS = ("keras",)
# IPython puts these among the builtins; no worker has them.
_NOTEBOOK_ONLY = ("display", "get_ipython")
_LONGEST_CONSTANT = 2000
_FORMS = (
    "imports, numbers, texts, lists or dictionaries of these, and functions or classes "
    "defined in the notebook"
)


def is_own(thing: Any) -> bool:
    """Whether it is a function or a class that no installed package has.

    Args:
        thing: Anything.
    """
    return isinstance(thing, FunctionType | type) and not is_installed(
        getattr(thing, "__module__", "") or ""
    )


@dataclass
class Belongings:
    """What a program must define for a person's own functions and classes.

    Args:
        where: The field of `Search` that is told in errors.
    """

    where: str = ""
    _imports: dict[str, None] = field(default_factory=dict)
    _pieces: dict[str, str] = field(default_factory=dict)
    _things: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> Code:
        """The definitions, each behind those that it needs."""
        return Code(tuple(self._imports), "\n\n".join(self._pieces.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """What the definitions define."""
        return tuple(self._pieces)

    def take(self, thing: Any) -> str:
        """Take a function or a class with all that it needs.

        Args:
            thing: What `is_own` says yes to.

        Returns:
            Its name in the program.

        Raises:
            SearchError: It needs what cannot be written as source.
        """
        name = thing.__name__
        if self._things.get(name, thing) is not thing:
            raise self._refused(
                f"one definition of {name!r}", thing, "Give the other one another name"
            )
        if name in self._things:
            return str(name)
        found = self._source_of(thing)
        self._things[name] = thing
        for needed in _names_in(found.source):
            if needed != name:
                self._bring(needed, found, name)
        self._pieces[name] = _without_marks(found.source, name, self.where)
        return str(name)

    def take_source(self, name: str, source: str) -> str:
        """Take a definition that stands on those that were taken.

        Args:
            name: What it defines.
            source: Its source.
        """
        self._pieces.setdefault(name, source)
        return name

    def refer(self, thing: Any) -> str | None:
        """An expression for something that an installed package has.

        Args:
            thing: A function or a class.

        Returns:
            The expression, whose import is noted; None if there is no public name.
        """
        home = home_of(thing, getattr(thing, "__name__", ""))
        if home is None:
            return None
        self._imports[f"import {home}"] = None
        return f"{home}.{thing.__name__}"

    def _source_of(self, thing: Any) -> _Found:
        """The definition of a function or class.

        Raises:
            SearchError: It has none of its own, or closes over something.
        """
        if getattr(thing, "__name__", "") == "<lambda>":
            raise self._refused(
                "a function with a name", thing, "Write it as def in a cell"
            )
        plain = inspect.unwrap(thing)
        functions = [plain] if isinstance(plain, FunctionType) else [*_methods(plain)]
        if isinstance(plain, FunctionType) and plain.__code__.co_freevars:
            first = plain.__code__.co_freevars[0]
            raise self._refused(
                f"a function that closes over nothing, {thing.__name__!r} closes over "
                f"{first!r}",
                thing,
                f"Define it at the top of a cell, with {first} as a constant there",
            )
        for function in functions:
            source = _definition(plain, function.__code__)
            if source is not None:
                return _Found(source, function.__globals__)
        raise self._refused(
            f"a definition of {getattr(thing, '__name__', thing)!r} that can be read",
            thing,
            "Define it in a cell of the notebook or in a .py file, with a method if it "
            "is a class",
        )

    def _bring(self, name: str, found: _Found, owner: str) -> None:
        """Bring along what a definition needs by a name."""
        if name not in found.namespace:
            known = hasattr(builtins, name) and name not in _NOTEBOOK_ONLY
            if not known and name not in _ALWAYS:
                raise self._refused(
                    f"names that are defined where {owner!r} is",
                    name,
                    f"Define {name} in a cell, or import it",
                )
            return
        value = found.namespace[name]
        if isinstance(value, ModuleType):
            self._import(name, value, found.source, owner)
        elif is_own(value):
            taken = self.take(value)
            if taken != name:
                self._define(name, taken)
        elif home := home_of(value, name):
            actual = name if hasattr(sys.modules[home], name) else value.__name__
            alias = "" if actual == name else f" as {name}"
            self._imports[f"from {home} import {actual}{alias}"] = None
        else:
            self._define(name, self._constant(name, value, owner))

    def _import(self, name: str, module: ModuleType, source: str, owner: str) -> None:
        """Import a module as the notebook does, and its modules that are used."""
        if not is_installed(module.__name__):
            raise self._refused(
                f"imports of installed packages in {owner!r}",
                module,
                f"Define in the notebook what it takes from {name}",
            )
        parent, _, last = module.__name__.rpartition(".")
        if module.__name__ == name:
            self._imports[f"import {name}"] = None
        elif last == name:
            self._imports[f"from {parent} import {name}"] = None
        else:
            self._imports[f"import {module.__name__} as {name}"] = None
        if module.__name__ == name and name not in _ALWAYS:
            for path in _modules_of(name, source):
                self._imports[f"import {path}"] = None

    def _constant(self, name: str, value: Any, owner: str) -> str:
        """A plain constant as source.

        Raises:
            SearchError: It is none.
        """
        try:
            text = literal(value)
        except (TypeError, ValueError, RecursionError):
            text = ""
        if text and len(text) <= _LONGEST_CONSTANT:
            return text
        size = "that fits into code" if text else f"beside {_FORMS}"
        raise self._refused(
            f"{owner!r} to need nothing {size}; {name!r} is something else",
            value,
            f"Make {name} such a constant, or compute it within {owner}",
        )

    def _define(self, name: str, text: str) -> None:
        """Note an assignment.

        Raises:
            SearchError: The name stands for something else already.
        """
        line = f"{name} = {text}"
        if self._pieces.setdefault(name, line) != line:
            raise self._refused(
                f"one meaning of {name!r}", text, "Give the other one another name"
            )

    def _refused(self, expected: str, value: Any, advice: str) -> SearchError:
        return SearchError(
            f"Expected {expected}, {received(value)}. {advice}.",
            field=self.where or None,
        )


@dataclass(frozen=True)
class _Found:
    """A definition.

    Args:
        source: Its lines, not indented.
        namespace: Where its names are looked up.
    """

    source: str
    namespace: Mapping[str, Any]


def _methods(kind: type) -> Iterator[FunctionType]:
    """The functions that the body of a class defines."""
    for value in vars(kind).values():
        plain: Any = value.fget if isinstance(value, property) else value
        plain = inspect.unwrap(getattr(plain, "__func__", plain))
        plain = getattr(plain, "func", plain)  # functools.cached_property
        if isinstance(plain, FunctionType) and not isinstance(plain, MethodType):
            if plain.__qualname__.startswith(f"{kind.__qualname__}."):
                yield plain


def _definition(thing: Any, code: Any) -> str | None:
    """The lines of a definition; `code` is of the function or of one of its methods.

    A class in a notebook has no file that `inspect` could read; its methods have.
    """
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename))
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and node.name == thing.__name__:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            last = node.end_lineno or first
            exact = first == code.co_firstlineno
            if exact or (isinstance(thing, type) and first <= code.co_firstlineno):
                if code.co_firstlineno <= last:
                    lines = text.split("\n")[first - 1 : last]
                    return _flush(lines)
    return None


def _flush(lines: list[str]) -> str | None:
    """A definition without the margin that it had in a function or class."""
    source = textwrap.dedent("\n".join(lines))
    try:
        ast.parse(source)
    except SyntaxError:  # a text over several lines that begins left of it
        return None
    return source


def _names_in(source: str) -> list[str]:
    """The names that source takes from outside, sorted."""

    def walk(table: symtable.SymbolTable, top: bool) -> Iterator[str]:
        for symbol in table.get_symbols():
            outside = symbol.is_referenced() and not symbol.is_assigned()
            if symbol.is_global() if not top else outside and not symbol.is_imported():
                yield symbol.get_name()
        for child in table.get_children():
            yield from walk(child, False)

    table = symtable.symtable(source, "own", "exec")
    defined = {s.get_name() for s in table.get_symbols() if s.is_namespace()}
    found = set(walk(table, True)) - defined
    return sorted(name for name in found if not name.startswith("__"))


def _modules_of(name: str, source: str) -> Iterator[str]:
    """Modules below an imported one that the source reaches by their attributes."""
    for node in ast.walk(ast.parse(source)):
        path = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if path.startswith(f"{name}.") and path in sys.modules:
            if isinstance(sys.modules[path], ModuleType):
                yield path


def _without_marks(source: str, name: str, where: str) -> str:
    """Leave out lines that a program would take for the beginning of its next cell.

    Raises:
        SearchError: Such a line stands in a text.
    """
    lines = source.split("\n")
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    comments = {t.start[0] for t in tokens if t.type == tokenize.COMMENT}
    for row, line in enumerate(lines, start=1):
        if line.startswith("# %%"):
            if row not in comments:
                raise SearchError(
                    f"Expected no line that begins with '# %%' in a text of {name!r}, "
                    f"{received(line)}. Indent it, or write the text with \\n.",
                    field=where or None,
                )
            lines[row - 1] = ""
    return "\n".join(lines)
