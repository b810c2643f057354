"""What plots share that needs matplotlib; imported only where something is drawn.

All that a person's rcParams could change and a plot depends on is set on the artists:
`rc_context` would change it for all threads.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from PIL import Image

from notebook_automl.plots._numbers import Limits, short

# Okabe and Ito's colours, which all kinds of eyes tell apart, and greys.
CARD, INK, MUTED, GRID = "#ffffff", "#1f2933", "#5b6673", "#e4e8ec"
BEST, RUNNING, FINISHED, DIM = "#0072b2", "#b35900", "#8796a5", "#aab4bf"
SMALL, NORMAL, LARGE = 8.0, 8.8, 10.5
WIDTH_PX, HEIGHT_PX = 760, 300
_DPI = 96
_SHARPNESS = 2.0
LABEL: dict[str, Any] = {
    "fontsize": NORMAL,
    "color": INK,
    "parse_math": False,
    "usetex": False,
}
_COLOURS = 64
_QUICK = {"compress_level": 1}
_UNKNOWN = "□"


class Picture(Figure):
    """A figure that shows itself as a cell's value.

    IPython shows figures only once pyplot has been imported, and we never do that.

    Args:
        height_px: Its height on a page.
        title: What it is, for a front end that shows no pictures.
    """

    def __init__(self, height_px: int = HEIGHT_PX, title: str = "") -> None:
        size = (WIDTH_PX / _DPI, height_px / _DPI)
        super().__init__(
            figsize=size, dpi=_DPI, facecolor=CARD, edgecolor=GRID, linewidth=1
        )
        self.set_layout_engine("none")
        FigureCanvasAgg(self)
        self._title = title

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height on a page."""
        width, height = self.get_size_inches() * _DPI
        return round(width), round(height)

    def png(self, sharpness: float = _SHARPNESS) -> bytes:
        """The picture, with so many pixels for one of the page.

        It has few colours, so that it takes a quarter of the room in a notebook.
        """
        whole, small = io.BytesIO(), io.BytesIO()
        self.savefig(
            whole,
            format="png",
            dpi=_DPI * sharpness,
            facecolor=CARD,
            edgecolor=GRID,
            bbox_inches=self.bbox_inches,
            pil_kwargs=_QUICK,
        )
        with Image.open(whole) as image:
            few = image.convert("RGB").quantize(_COLOURS, Image.Quantize.FASTOCTREE)
        few.save(small, "png")
        return small.getvalue()

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width, height = self.size_px
        return self.png(), {"width": width, "height": height}

    def __repr__(self) -> str:
        return f"<{self._title} plot, a matplotlib figure: savefig(path) writes it>"


def plain(text: object, most: int = 40) -> str:
    """A text as the font can write it, on one line.

    Args:
        text: Anything.
        most: How many characters it may have.
    """
    glyphs = _glyphs(tuple(rcParams["font.family"]), tuple(rcParams["font.sans-serif"]))
    line = short(text, most)
    return "".join(c if ord(c) in glyphs else _UNKNOWN for c in line)


@lru_cache(maxsize=8)
def _glyphs(families: tuple[str, ...], sans: tuple[str, ...]) -> frozenset[int]:
    """The characters that the fonts have: for others matplotlib warns, on the page."""
    known: set[int] = set()
    for family in [*families, *(sans if "sans-serif" in families else ())]:
        try:
            path = findfont(FontProperties(family=[family]), fallback_to_default=False)
        except ValueError:  # it is not installed
            continue
        known.update(get_font(path).get_charmap())
    return frozenset(known)


def write(place: Axes | Figure, x: float, y: float, text: str, **style: Any) -> Any:
    """Write a text in which nothing is a formula.

    Args:
        place: An axes, in its data's coordinates, or a figure, in fractions.
        x: Where.
        y: Where.
        text: What is `plain`, or lines of it.
        **style: Of matplotlib's texts.
    """
    halo = [withStroke(linewidth=2, foreground=CARD)] * isinstance(place, Axes)
    standard: dict[str, Any] = {
        "fontsize": NORMAL,
        "color": INK,
        "zorder": 5,
        "path_effects": halo,
    }
    return place.text(x, y, text, parse_math=False, usetex=False, **standard | style)


def shade(share: float) -> tuple[float, float, float]:
    """A grey of a row of them: pale for 0, dark for 1."""
    pale, dark = to_rgb(GRID), to_rgb(MUTED)
    red, green, blue = (p + share * (d - p) for p, d in zip(pale, dark, strict=True))
    return red, green, blue


def sentence(figure: Figure, title: str, text: str) -> None:
    """A figure that has nothing to draw, and says why.

    Args:
        figure: The figure.
        title: What it would be.
        text: Why it is not, or not yet.
    """
    head(figure, title)
    write(figure, 0.5, 0.47, text, ha="center", va="center", color=MUTED, fontsize=10)


def head(figure: Figure, title: str) -> None:
    """The figure's title."""
    y = 1 - 12 / _height_px(figure)
    style = {"fontsize": LARGE, "fontweight": "bold"}
    write(figure, 16 / _width_px(figure), y, plain(title, 76), va="top", **style)


def key(figure: Figure, entries: Iterable[tuple[str, str, str]]) -> None:
    """Say below the title what the colours mean.

    Args:
        figure: The figure.
        entries: A sign, such as a dash, or none; its colour; and its meaning.
    """
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    x, y = 16.0, 1 - 35 / _height_px(figure)
    for sign, colour, meaning in entries:
        for text, style in (
            (sign, {"color": colour, "fontweight": "bold"}),
            (meaning, {"color": MUTED}),
        ):
            if not text:
                continue
            at = write(figure, x / _width_px(figure), y, text, va="center", **style)
            x += at.get_window_extent(renderer).width * _DPI / figure.dpi + 5
        x += 11


def panel(
    figure: Figure,
    left_px: float = 84,
    right_px: float = 24,
    top_px: float = 52,
    bottom_px: float = 46,
) -> Axes:
    """The place to draw in, bare but for its two axes.

    Args:
        figure: The figure.
        left_px, right_px, top_px, bottom_px: The margins on the page.
    """
    width_px, height_px = _width_px(figure), _height_px(figure)
    place = (
        left_px / width_px,
        bottom_px / height_px,
        1 - (left_px + right_px) / width_px,
        1 - (top_px + bottom_px) / height_px,
    )
    axes = figure.add_axes(place, facecolor="none")
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=MUTED, linewidth=0.8)
    axes.tick_params(
        which="both",
        direction="out",
        color=MUTED,
        labelcolor=MUTED,
        labelsize=SMALL,
        width=0.8,
        length=3,
        top=False,
        right=False,
        labeltop=False,
        labelright=False,
    )
    axes.grid(False, which="both")
    return axes


def name_axes(axes: Axes, x: str, y: str) -> None:
    """Name both axes, with their units."""
    axes.set_xlabel(x, **LABEL)
    axes.set_ylabel(y, **LABEL)
    # Where it stands must not depend on how long the numbers are.
    place, figure = axes.get_position(), axes.get_figure()
    if isinstance(figure, Figure):
        left, middle = 42 / _width_px(figure), (place.y0 + place.y1) / 2
        axes.yaxis.set_label_coords(left, middle, transform=figure.transFigure)


def scale(
    axes: Axes, axis: Axis, shown: Limits, most: int = 6, whole: bool = False
) -> None:
    """Give an axis its limits, its ticks and pale lines across.

    Args:
        axes: The place.
        axis: `axes.xaxis` or `axes.yaxis`.
        shown: From where to where.
        most: How many ticks there may be.
        whole: Whether only whole numbers get one.
    """
    across = axis is axes.xaxis
    if shown.log:
        (axes.set_xscale if across else axes.set_yscale)("log")
    (axes.set_xlim if across else axes.set_ylim)(shown.low, shown.high)
    axis.set_major_locator(
        LogLocator(numticks=most) if shown.log else MaxNLocator(most, integer=whole)
    )
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    for tick in axis.get_major_ticks(2 * most):
        tick.label1.set(parse_math=False, usetex=False)
    if not across:
        axis.grid(True, which="major", color=GRID, linewidth=0.8, linestyle="-")


def axis_label(metric: str, mode: str, shown: Limits) -> str:
    """A metric as the name of an axis.

    Args:
        metric: Its name.
        mode: "max", "min", or nothing where neither is known to be better.
        shown: The axis.
    """
    better = {"max": "more is better", "min": "less is better"}.get(mode)
    notes = [
        better,
        "log scale" if shown.log else None,
        "outliers cut" if shown.cut else None,
    ]
    said = ", ".join(note for note in notes if note)
    return plain(metric, 26) + (f"\n({said})" if said else "")


def _width_px(figure: Figure) -> float:
    return float(figure.get_size_inches()[0]) * _DPI


def _height_px(figure: Figure) -> float:
    return float(figure.get_size_inches()[1]) * _DPI
