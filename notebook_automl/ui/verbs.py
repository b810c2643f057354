"""What can be typed: each verb once, for `%automl` and for `notebook-automl`."""

from __future__ import annotations

from argparse import SUPPRESS, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from notebook_automl.api.checks import path_of
from notebook_automl.api.run import Run
from notebook_automl.api.runs import attach, runs
from notebook_automl.api.search import Search
from notebook_automl.api.splitting import ASIDE
from notebook_automl.errors import UnknownNameError, nearest, received
from notebook_automl.export._exporter import EXPORTERS
from notebook_automl.plots._plot import PLOTS, save
from notebook_automl.ui.options import Parser, add_options, column, data_help
from notebook_automl.workers.devices import devices

_HELP = ("--help", "-h")
# What may be a function or class of the person's own, named by its variable.
_OWN = ("metric", "loss")


class Face(Protocol):
    """Where verbs are typed, and what differs there."""

    prog: str
    """What is typed before a verb."""

    accepts: str
    """How data are named."""

    draws: bool
    """Whether a figure can be shown."""

    graph: str | None
    """A space of the person's own that stands below what is typed."""

    def load(self, name: str) -> Any:
        """The data of a name.

        Raises:
            DataError: There are none.
        """

    def value(self, text: str) -> Any:
        """What a text means where a function of the person's own may stand."""

    def run(self, name: str | None, folder: str | None) -> Run:
        """The run that a verb without a name means, or the one of that name."""

    def took(self, run: Run) -> None:
        """Hears of a run that was started or attached."""


@dataclass(frozen=True)
class Verb:
    """One verb.

    Args:
        about: What it does, in a line.
        options: Adds its arguments to a parser.
        act: Does it, and returns what there is to show.
    """

    about: str
    options: Callable[[Parser], None]
    act: Callable[[Face, Namespace], Any]


def perform(face: Face, words: Sequence[str]) -> Any:
    """Carry out what was typed.

    Args:
        face: Where it was typed.
        words: The verb and its arguments; without them, or with --help, the help.

    Returns:
        What there is to show.

    Raises:
        AutoMLError: It cannot be understood, or not be done.
    """
    if not words or words[0] in _HELP:
        return _help(face)
    verb = words[0]
    if verb not in VERBS:
        raise UnknownNameError(
            f"{face.prog}: expected a verb, {received(verb)}.{nearest(verb, VERBS)} "
            f"There are: {', '.join(VERBS)}."
        )
    parser = parser_of(verb, face.prog)
    if any(word in _HELP for word in words):
        return parser.format_help()
    return VERBS[verb].act(face, parser.read(list(words[1:])))


def parser_of(verb: str, prog: str) -> Parser:
    """The parser of a verb's arguments.

    Args:
        verb: One of `VERBS`.
        prog: What is typed before it.
    """
    about = VERBS[verb].about
    parser = Parser(f"{prog} {verb}", f"{about[0].upper()}{about[1:]}.")
    VERBS[verb].options(parser)
    return parser


def _help(face: Face) -> str:
    lines = [f"  {name:<12}{verb.about}" for name, verb in VERBS.items()]
    return "\n".join(
        [
            f"usage: {face.prog} VERB ...",
            "",
            *lines,
            "",
            f"DATA is {face.accepts}. Without NAME, verbs act on the newest run.",
            f"{face.prog} VERB --help tells more.",
            "",
        ]
    )


def _of_start(parser: Parser) -> None:
    parser.add_argument("data", metavar="DATA", help=data_help())
    add_options(parser)
    parser.add_argument("--wait", action="store_true", help="wait until it ends")


def _of_run(parser: Parser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="the run's name")
    add_options(parser, "folder")


def _of_extend(parser: Parser) -> None:
    _of_run(parser)
    add_options(parser, "minutes", "trials")


def _of_export(parser: Parser) -> None:
    kinds = ", ".join(EXPORTERS.names())
    parser.add_argument(
        "kind",
        nargs="?",
        default="cells",
        metavar="KIND",
        help=f"what to write: {kinds} (default: cells)",
    )
    parser.add_argument("path", nargs="?", metavar="PATH", help="where to")
    parser.add_argument(
        "--replay", action="store_true", help="run it in a fresh kernel and compare"
    )
    parser.add_argument(
        "--trial", type=_trial, default="best", help="its number (default: best)"
    )
    add_options(parser, "name", "folder")


def _of_plot(parser: Parser) -> None:
    parser.add_argument(
        "plot",
        nargs="?",
        default="curves",
        metavar="PLOT",
        help=f"what to draw: {', '.join(PLOTS.names())} (default: curves)",
    )
    parser.add_argument(
        "--metric",
        default=SUPPRESS,
        metavar="METRIC",
        help="of the curves, such as val_loss (default: what is searched for)",
    )
    parser.add_argument(
        "--save", metavar="PATH", help="write a file: .png, .svg or .pdf"
    )
    add_options(parser, "name", "folder")


def _of_folder(parser: Parser) -> None:
    add_options(parser, "folder")


def _of_nothing(parser: Parser) -> None:
    """Takes no arguments."""


def _trial(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _start(face: Face, arguments: Namespace) -> Run:
    asked = vars(arguments)
    wait = asked.pop("wait")
    asked["data"] = face.load(asked["data"])
    for name in ("target", "group", "time"):
        if name in asked:
            asked[name] = column(asked["data"], asked[name])
    for name in {*ASIDE} & {*asked}:
        asked[name] = face.load(asked[name])
    asked |= {name: face.value(asked[name]) for name in _OWN if name in asked}
    if "sample_weight" in asked:
        weight = column(asked["data"], asked["sample_weight"])
        named = weight in getattr(asked["data"], "columns", ())
        asked["sample_weight"] = weight if named else face.value(str(weight))
    if face.graph is not None:
        asked["graph"] = face.graph
    run = Search(**asked).start()
    face.took(run)
    return run.wait() if wait else run


def _attach(face: Face, arguments: Namespace) -> Run:
    asked = vars(arguments)
    # Without a name the newest of all, not the one that the face had taken up before.
    run = attach(asked.get("name"), asked.get("folder"))
    face.took(run)
    return run


def _extend(face: Face, arguments: Namespace) -> str:
    asked = vars(arguments)
    return _run(face, arguments).extend(asked.get("minutes"), asked.get("trials"))


def _export(face: Face, arguments: Namespace) -> Any:
    run = _run(face, arguments)
    return run.export(arguments.kind, arguments.path, arguments.trial, arguments.replay)


def _plot(face: Face, arguments: Namespace) -> Any:
    run, asked = _run(face, arguments), vars(arguments)
    options = {name: asked[name] for name in ("metric",) if name in asked}
    figure = run.plot(arguments.plot, **options)
    if arguments.save is None and face.draws:
        return figure
    path = path_of(arguments.save) or Path(f"{run.name}-{arguments.plot}.png")
    return save(figure, path)


def _run(face: Face, arguments: Namespace) -> Run:
    asked = vars(arguments)
    return face.run(asked.get("name"), asked.get("folder"))


VERBS = {
    "start": Verb("start a search", _of_start, _start),
    "status": Verb("show a run", _of_run, _run),
    "leaderboard": Verb(
        "list all trials, the best first",
        _of_run,
        lambda f, a: _run(f, a).leaderboard(),
    ),
    "wait": Verb("wait until a run ends", _of_run, lambda f, a: _run(f, a).wait()),
    "stop": Verb(
        "end a run; a second time, at once", _of_run, lambda f, a: _run(f, a).stop()
    ),
    "pause": Verb("hold a run", _of_run, lambda f, a: _run(f, a).pause()),
    "resume": Verb("let a run go on", _of_run, lambda f, a: _run(f, a).resume()),
    "extend": Verb("add to a run's budget", _of_extend, _extend),
    "attach": Verb("take up a run, by its name or the newest", _of_run, _attach),
    "export": Verb("write a trial as plain Keras code", _of_export, _export),
    "plot": Verb("draw a run", _of_plot, _plot),
    "runs": Verb("list the runs", _of_folder, lambda _, a: runs(vars(a).get("folder"))),
    "devices": Verb("say which devices are seen", _of_nothing, lambda *_: devices()),
}
