"""The live curve of a notebook: the book's ``Animator``."""

from __future__ import annotations

import io
import sys
from typing import Any, Iterable, Mapping, Sequence


def in_notebook() -> bool:
    """Return whether this runs in a Jupyter notebook, which can update a picture."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    # Colab's shell is a subclass.
    return "ZMQInteractiveShell" in [kind.__name__ for kind in type(get_ipython()).__mro__]


#: The book's formats of lines, as Matplotlib's ``plot`` takes them.
FMTS = ("-", "m--", "g-.", "r:")


def draw_curves(
    axes: Any,
    curves: Iterable[Sequence[Any]],
    fmts: Sequence[str],
    legend: Sequence[str] | None,
    settings: Mapping[str, Any],
) -> None:
    """Draw curves, and nothing else, in Matplotlib's axes.

    Args:
        axes: Matplotlib's.
        curves: for each, its places and values, or its values alone.
        fmts: the lines' formats, in turns.
        legend: the curves' names, if any.
        settings: what ``axes.set`` takes; what is None is left out.
    """
    axes.cla()
    for number, curve in enumerate(curves):
        axes.plot(*curve, fmts[number % len(fmts)])
    axes.set(**{name: value for name, value in settings.items() if value is not None})
    if legend:
        axes.legend(legend)
    axes.grid(True)


class Animator:
    """Draw growing curves; in a notebook, show them anew after every point.

    Source: the book's section "Softmax Regression from Scratch".

    Args:
        xlabel, ylabel, legend, xlim, ylim, xscale, yscale: of the (only or first) axes.
        fmts: the lines' formats, as matplotlib's ``plot`` takes them.
        nrows, ncols: of the grid of axes.
        figsize: in inches.

    Attributes:
        fig, axes: matplotlib's figure and a list of its axes.
    """

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: Sequence[str] | None = None,
        xlim: Sequence[float] | None = None,
        ylim: Sequence[float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        fmts: Sequence[str] | None = None,
        nrows: int = 1,
        ncols: int = 1,
        figsize: tuple[float, float] = (3.5, 2.5),
    ) -> None:
        # Not at the top: matplotlib takes long to import.
        from matplotlib.figure import Figure

        self.fig = Figure(figsize=figsize, layout="tight")
        self.axes = self.fig.subplots(nrows, ncols, squeeze=False).ravel().tolist()
        self.settings = {"xlabel": xlabel, "ylabel": ylabel, "xlim": xlim, "ylim": ylim}
        self.settings.update(xscale=xscale, yscale=yscale)
        self.legend, self.fmts = legend, fmts or FMTS
        self.X: list[list[float]] = []
        self.Y: list[list[float]] = []

    def add(self, x: Any, y: Any) -> None:
        """Add a point to each curve: x and y are numbers, or lists with an entry per curve.

        A ``None`` in such a list adds nothing to its curve.
        """
        y = list(y) if hasattr(y, "__len__") else [y]
        x = list(x) if hasattr(x, "__len__") else [x] * len(y)
        for curves in self.X, self.Y:
            curves += [[] for _ in range(len(curves), len(y))]
        for i, (a, b) in enumerate(zip(x, y)):
            if a is not None and b is not None:
                self.X[i].append(a)
                self.Y[i].append(b)
        self._draw()
        if in_notebook():
            from IPython import display

            picture = io.BytesIO()
            self.fig.savefig(picture, format="png")
            display.clear_output(wait=True)
            display.display(display.Image(picture.getvalue()))

    def _draw(self):
        draw_curves(self.axes[0], zip(self.X, self.Y), self.fmts, self.legend, self.settings)
